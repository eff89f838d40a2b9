"""Operators that older opsets do not have, written out in ones that they have."""

from __future__ import annotations

from math import pi, sqrt
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Spelling = Callable[["Writer"], ir.Value]

# From this opset on each exists; older ones are written out.
_SINCE = {
    "Gelu": 20,
    "GroupNormalization": 18,
    "HardSwish": 14,
    "LayerNormalization": 17,
    "Mish": 18,
    "Swish": 24,
}
_SCALES_PER_CHANNEL = 21  # GroupNormalization; until then it scales per group


class Writer:
    """Writes nodes that stand for one.

    Attributes:
        node: The one they stand for.
        source: The opset it is of.
        opset: The opset they are to be of.
        tape: What has been written.
    """

    def __init__(self, node: ir.Node, source: int, opset: int) -> None:
        self.node, self.source, self.opset = node, source, opset
        self.tape = ir.tape.Tape()

    def input(self, index: int) -> ir.Value:
        """Return an input of the node; it has to be there."""
        value = self.node.inputs[index]
        assert value is not None
        return value

    def op(self, name: str, *inputs: ir.Value, **attributes: float | Sequence[int]) -> ir.Value:
        """Return what the operator ``name`` makes of ``inputs``."""
        return self.tape.op(name, inputs, attributes)

    def number(self, value: float) -> ir.Value:
        """Return a constant of the type of the node's first input."""
        dtype = self.input(0).dtype
        assert dtype is not None
        return self.constant(np.array(value, dtype.numpy()), "number")

    def integers(self, values: Sequence[int]) -> ir.Value:
        """Return a constant list."""
        return self.constant(np.array(values, np.int64), "integers")

    def constant(self, array: np.ndarray, role: str) -> ir.Value:
        """Return a constant with a name of its own."""
        name = f"{self.node.name}.{role}{len(self.tape.initializers)}.older"
        return self.tape.initializer(ir.tensor(array, name=name))

    def mean(self, value: ir.Value, axes: Sequence[int]) -> ir.Value:
        """Return the mean over ``axes``, which stay with length 1."""
        if self.opset >= 18:
            return self.op("ReduceMean", value, self.integers(axes), keepdims=1)
        return self.op("ReduceMean", value, axes=axes, keepdims=1)

    def normalized(self, value: ir.Value, axes: Sequence[int]) -> ir.Value:
        """Return ``value`` less its mean, over its standard deviation."""
        centred = self.op("Sub", value, self.mean(value, axes))
        variance = self.mean(self.op("Mul", centred, centred), axes)
        epsilon = self.number(self.node.attributes.get_float("epsilon", 1e-5))
        return self.op("Div", centred, self.op("Sqrt", self.op("Add", variance, epsilon)))


def is_missing(node: ir.Node, source: int, opset: int) -> bool:
    """Return whether ``node``, of the opset ``source``, is one to write out for ``opset``."""
    changed = node.op_type == "GroupNormalization" and source >= _SCALES_PER_CHANNEL > opset
    return changed or opset < _SINCE.get(node.op_type, 0)


def write_out(node: ir.Node, source: int, opset: int) -> str | None:
    """Put older operators in the place of ``node``; return why that cannot be, or ``None``."""
    reason = _obstacle(node)
    if reason is not None:
        return reason
    writer = Writer(node, source, opset)
    value, old = _RULES[node.op_type](writer), node.outputs[0]
    value.name, value.type, value.shape = old.name, old.type, old.shape
    network = node.graph
    assert isinstance(network, ir.Graph)
    for constant in writer.tape.initializers:
        network.register_initializer(constant)
    network.insert_before(node, writer.tape.nodes)
    old.replace_all_uses_with(value, replace_graph_outputs=True)
    network.remove(node, safe=True)
    return None


def _obstacle(node: ir.Node) -> str | None:
    value = node.inputs[0]
    if value is None or value.dtype is None or value.shape is None:
        return "the type or the number of dimensions of its input is not known"
    if any(other.uses() or other.is_graph_output() for other in node.outputs[1:]):
        return "its mean or its deviation is used besides"
    return None


def _mish(write: Writer) -> ir.Value:
    x = write.input(0)
    return write.op("Mul", x, write.op("Tanh", write.op("Softplus", x)))


def _hard_swish(write: Writer) -> ir.Value:
    x = write.input(0)
    return write.op("Mul", x, write.op("HardSigmoid", x, alpha=1 / 6, beta=0.5))


def _swish(write: Writer) -> ir.Value:
    x, alpha = write.input(0), write.node.attributes.get_float("alpha", 1.0)
    scaled = x if alpha == 1 else write.op("Mul", x, write.number(alpha))
    return write.op("Mul", x, write.op("Sigmoid", scaled))


def _gelu(write: Writer) -> ir.Value:
    """Return GELU by the error function, or by the hyperbolic tangent where the node says so."""
    x, one = write.input(0), write.number(1)
    if write.node.attributes.get_string("approximate", "none") == "tanh":
        cubed = write.op("Mul", write.op("Mul", x, x), x)
        bent = write.op("Add", x, write.op("Mul", cubed, write.number(0.044715)))
        bend = write.op("Tanh", write.op("Mul", bent, write.number(sqrt(2 / pi))))
    else:
        bend = write.op("Erf", write.op("Mul", x, write.number(sqrt(0.5))))
    half = write.op("Mul", x, write.number(0.5))
    return write.op("Mul", half, write.op("Add", bend, one))


def _layer_normalization(write: Writer) -> ir.Value:
    x = write.input(0)
    assert x.shape is not None
    rank, axis = x.shape.rank(), write.node.attributes.get_int("axis", -1)
    found = write.normalized(x, range(axis % rank, rank))
    found = write.op("Mul", found, write.input(1))
    biased = len(write.node.inputs) > 2 and write.node.inputs[2] is not None
    return write.op("Add", found, write.input(2)) if biased else found


def _group_normalization(write: Writer) -> ir.Value:
    x, scale, bias = (write.input(index) for index in range(3))
    assert x.shape is not None
    groups = write.node.attributes.get_int("num_groups")
    grouped = write.op("Reshape", x, write.integers([0, groups, -1]))
    found = write.normalized(grouped, [2])
    per_channel, after = write.source >= _SCALES_PER_CHANNEL, range(1, x.shape.rank() - 1)
    wide = write.integers(list(after) if per_channel else [1])
    scale, bias = (write.op("Unsqueeze", value, wide) for value in (scale, bias))
    if per_channel:
        found = write.op("Reshape", found, write.op("Shape", x))
        return write.op("Add", write.op("Mul", found, scale), bias)
    scaled = write.op("Add", write.op("Mul", found, scale), bias)
    return write.op("Reshape", scaled, write.op("Shape", x))


_RULES: dict[str, Spelling] = {
    "Gelu": _gelu,
    "GroupNormalization": _group_normalization,
    "HardSwish": _hard_swish,
    "LayerNormalization": _layer_normalization,
    "Mish": _mish,
    "Swish": _swish,
}
