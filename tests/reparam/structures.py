"""Blocks as networks are trained with, each of which is a single convolution, on one image."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import gcd

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from edgekit.graphs import graph_from_model, graph_from_proto
from edgekit.reparam.normal_form import infer_shapes, normal_form

CHANNELS, HEIGHT, WIDTH = 4, 11, 9


@dataclass
class Builder:
    """An ONNX graph in the making: no node has a name, and the name of no value tells anything."""

    rng: np.random.Generator
    nodes: list = field(default_factory=list)
    arrays: list = field(default_factory=list)

    def name(self) -> str:
        return self.rng.bytes(6).hex()

    def array(self, numbers: np.ndarray) -> str:
        name = self.name()
        self.arrays.append(numpy_helper.from_array(numbers.astype(np.float32), name))
        return name

    def node(self, op: str, *inputs: str, **attributes) -> str:
        name = self.name()
        self.nodes.append(helper.make_node(op, list(inputs), [name], **attributes))
        return name

    def graph(self, outputs: list[str]):
        """The graph of ``outputs`` over the image ``x``, in normal form."""
        image = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, CHANNELS, HEIGHT, WIDTH])
        given = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [None] * 4) for n in outputs]
        graph = helper.make_graph(self.nodes, "g", [image], given, self.arrays)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        return graph_from_model(infer_shapes(normal_form(graph_from_proto(model).model)))


@dataclass(frozen=True)
class Plan:
    """The convolution that a block is: every branch of it reads some of what this one reads."""

    outputs: int
    kernel: tuple[int, int]
    stride: int
    dilation: int
    groups: int

    @property
    def keeps_shape(self) -> bool:
        return self.stride == 1 and self.outputs == CHANNELS


def any_plan(rng: np.random.Generator) -> Plan:
    kernel = tuple(int(k) for k in rng.choice([1, 3, 5], 2))
    return Plan(
        outputs=int(rng.choice([CHANNELS, 2 * CHANNELS])),
        kernel=kernel,
        stride=int(rng.integers(1, 3)),
        dilation=int(rng.choice([1, 1, 2])),
        groups=int(rng.choice([1, 2, CHANNELS])),
    )


def any_block(b: Builder, x: str) -> str:
    """Two to six branches of ``x``, added up in any order; a line or two behind the sum."""
    plan = any_plan(b.rng)
    kinds = [conv, pixel_then_kernel, kernel_then_pixel, pixel_then_average]
    kinds += [average] * (plan.outputs == CHANNELS)
    kinds += [norm, identity] * plan.keeps_shape
    chosen = [kinds[i] for i in b.rng.integers(len(kinds), size=b.rng.integers(1, 6))]
    terms = [main(b, x, plan), *(kind(b, x, plan) for kind in chosen)]
    value = added(b, terms)
    for kind in b.rng.choice(["norm", "Mul", "Add", "none", "none"], 2):
        if kind == "norm":
            value = batchnorm(b, value, plan.outputs)
        elif kind != "none":
            value = b.node(kind, value, b.array(b.rng.normal(size=(1, plan.outputs, 1, 1))))
    return b.node("Relu", value)


def main(b: Builder, x: str, plan: Plan) -> str:
    """The kernel of the plan itself."""
    weight = b.rng.normal(size=(plan.outputs, CHANNELS // plan.groups, *plan.kernel))
    value = b.node("Conv", x, b.array(weight), **attributes(plan, plan.kernel, plan.groups))
    return batchnorm(b, value, plan.outputs)


def conv(b: Builder, x: str, plan: Plan) -> str:
    """A kernel inside that of the plan, with or without a bias and a normalization."""
    value = layer(b, x, (CHANNELS, plan.outputs), plan, smaller(b.rng, plan))
    return batchnorm(b, value, plan.outputs) if b.rng.random() < 0.7 else value


def pixel_then_kernel(b: Builder, x: str, plan: Plan) -> str:
    """A 1x1 without a bias, as padding between the two asks for, then a kernel."""
    middle = layer(b, x, (CHANNELS, CHANNELS), one_pixel(plan), (1, 1), biased=False)
    value = layer(b, middle, (CHANNELS, plan.outputs), plan, smaller(b.rng, plan))
    return batchnorm(b, value, plan.outputs)


def kernel_then_pixel(b: Builder, x: str, plan: Plan) -> str:
    middle = layer(b, x, (CHANNELS, CHANNELS), plan, smaller(b.rng, plan))
    middle = batchnorm(b, middle, CHANNELS)
    value = layer(b, middle, (CHANNELS, plan.outputs), one_pixel(plan), (1, 1))
    return batchnorm(b, value, plan.outputs)


def pixel_then_average(b: Builder, x: str, plan: Plan) -> str:
    middle = layer(b, x, (CHANNELS, plan.outputs), one_pixel(plan), (1, 1), biased=False)
    return average(b, middle, plan)


def average(b: Builder, x: str, plan: Plan) -> str:
    height, width = smaller(b.rng, plan) if plan.dilation == 1 else (1, 1)
    value = b.node(
        "AveragePool",
        x,
        kernel_shape=[height, width],
        strides=[plan.stride] * 2,
        pads=[height // 2, width // 2] * 2,
        count_include_pad=1,
    )
    return batchnorm(b, value, plan.outputs)


def norm(b: Builder, x: str, plan: Plan) -> str:
    return batchnorm(b, x, plan.outputs)


def identity(b: Builder, x: str, plan: Plan) -> str:
    return x


def layer(
    b: Builder,
    x: str,
    channels: tuple[int, int],
    plan: Plan,
    kernel: tuple[int, int],
    *,
    biased: bool | None = None,
) -> str:
    """A Conv of ``x`` whose groups are parts of those of ``plan``, centred."""
    inputs, outputs = channels
    finer = [g for g in (1, 2, 4) if g % plan.groups == 0 and gcd(inputs, outputs) % g == 0]
    groups = int(b.rng.choice(finer))
    weights = [b.array(b.rng.normal(size=(outputs, inputs // groups, *kernel)))]
    if b.rng.random() < 0.5 if biased is None else biased:
        weights.append(b.array(b.rng.normal(size=outputs)))
    return b.node("Conv", x, *weights, **attributes(plan, kernel, groups))


def attributes(plan: Plan, kernel: tuple[int, int], groups: int) -> dict:
    return {
        "group": groups,
        "strides": [plan.stride] * 2,
        "dilations": [plan.dilation] * 2,
        "pads": [plan.dilation * (k // 2) for k in kernel] * 2,
    }


def batchnorm(b: Builder, x: str, channels: int) -> str:
    """A normalization; a variance may be as good as nothing, as of a channel that never fires."""
    statistics = [b.array(b.rng.normal(size=channels)) for _ in range(3)]
    variance = b.rng.uniform(0.1, 2, channels) * b.rng.choice([1, 1, 1, 1e-6], channels)
    return b.node("BatchNormalization", x, *statistics, b.array(variance), epsilon=1e-3)


def added(b: Builder, terms: list[str]) -> str:
    """The sum of ``terms``, by a Sum or by Adds in any order."""
    terms = [terms[i] for i in b.rng.permutation(len(terms))]
    if b.rng.random() < 0.3:
        return b.node("Sum", *terms)
    while len(terms) > 1:
        one, two = (terms.pop(b.rng.integers(len(terms))) for _ in range(2))
        terms.append(b.node("Add", one, two))
    return terms[0]


def one_pixel(plan: Plan) -> Plan:
    return Plan(plan.outputs, (1, 1), 1, 1, plan.groups)


def smaller(rng: np.random.Generator, plan: Plan) -> tuple[int, int]:
    """An odd kernel inside that of ``plan``."""
    height, width = (int(rng.choice(range(1, size + 1, 2))) for size in plan.kernel)
    return height, width
