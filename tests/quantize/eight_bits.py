"""A network in 8 bits twice over: as edgekit makes it, and emulated node by node in NumPy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir
from onnx.reference import ReferenceEvaluator

from edgekit.backends.onnxruntime import OnnxRuntime
from edgekit.calibrate.collect import collect
from edgekit.calibrate.ranges import choose_ranges
from edgekit.graphs import graph_to_bytes
from edgekit.quantize.encode import encode_activation, encode_symmetric, encode_weight
from edgekit.quantize.plan import output_axis, plan
from edgekit.quantize.quantize import quantize
from edgekit.quantize.rules import ORT_X86
from tests.networks import network

if TYPE_CHECKING:
    from edgekit.quantize.quantize import QuantizedGraph
    from edgekit.values import Graph

RUNTIME = OnnxRuntime(threads=1, spin=False)


def normal(*shape, spread=1.0):
    """Normal numbers, the same in whatever order tests are loaded."""
    return np.random.default_rng(shape).normal(0, spread, shape).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Case:
    """A network, an input, and the network in 8 bits calibrated on that input."""

    graph: Graph
    feeds: dict[str, np.ndarray]
    quantized: QuantizedGraph

    def floats(self):
        return run(self.graph, self.feeds)

    def integers(self):
        return run(self.quantized.graph, self.feeds)


def make(text, feeds, weights, rule="narrow", *, kept=(), reason="kept"):
    graph = network(text, **weights)
    decided = plan(graph, ORT_X86, dict.fromkeys(kept, reason))
    statistics = collect(graph, decided.leaders, [feeds], RUNTIME)
    ranges = choose_ranges(graph, statistics, "minmax")
    return Case(graph, feeds, quantize(graph, decided, ranges, rule))


def run(graph, feeds):
    with RUNTIME.open(graph_to_bytes(graph)) as session:
        return session.run(feeds)


def emulate(case: Case) -> dict[str, np.ndarray]:
    """Every value of the float network, rounded wherever the plan says that it is encoded."""
    plan, graph = case.quantized.plan, case.graph.model.graph
    exact = {name: value.const_value.numpy() for name, value in graph.initializers.items()}
    exact.update(case.feeds)
    rounded: dict[str, np.ndarray] = {}

    def read(node, index, value):
        if value is None:
            return None
        if node.name in plan.nodes and value.const_value is not None:
            return _rounded_constant(case, node, index, exact[value.name])
        made_in_8_bits = value.producer() is not None and value.producer().name in plan.nodes
        eight = node.name in plan.nodes or made_in_8_bits
        return rounded.get(value.name, exact[value.name]) if eight else exact[value.name]

    for name in case.feeds:
        _round_into(rounded, case, name, exact[name])
    for node in graph:
        inputs = [read(node, index, value) for index, value in enumerate(node.inputs)]
        for value, array in zip(node.outputs, _compute(node, inputs), strict=True):
            exact[value.name] = array
            _round_into(rounded, case, value.name, array)
    made = {v.name for node in graph if node.name in plan.nodes for v in node.outputs}
    return {name: rounded.get(name, a) if name in made else a for name, a in exact.items()}


def step_of(case: Case, name: str) -> float:
    """The scale of an encoded value."""
    link = case.quantized.plan.links[name]
    return encode_activation(case.quantized.ranges[link.leader]).scale * link.factor


def _round_into(rounded, case, name, array):
    link = case.quantized.plan.links.get(name)
    if link is not None:
        leader = encode_activation(case.quantized.ranges[link.leader])
        scale, zero = leader.scale * link.factor, leader.zero_point
        steps = np.clip(np.round(array / scale) + zero, 0, 255)
        rounded[name] = ((steps - zero) * scale).astype(np.float32)


def _rounded_constant(case, node, index, array):
    if node.op_type in ORT_X86.weighted:
        weight = index == 1
        rule = case.quantized.weight_rule
        return encode_weight(array, output_axis(node), rule).reals() if weight else array
    if node.op_type in ORT_X86.requantizing and array.dtype == np.float32:
        integers, encoding = encode_symmetric(array)
        return (integers.astype(np.float32) - 128) * np.float32(encoding.scale)
    return array


def _compute(node: ir.Node, inputs):
    evaluator = ReferenceEvaluator(ir.to_proto(node))
    names = [value.name if value is not None else "" for value in node.inputs]
    given = {name: array for name, array in zip(names, inputs, strict=True) if name}
    return evaluator.run(None, given)
