"""How much work a network is: multiply-accumulates per weighted node, and parameters."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from onnx_ir.passes.common import ShapeInferencePass

if TYPE_CHECKING:
    from collections.abc import Sequence

    import onnx_ir as ir

    from edgekit.values import Graph

_WEIGHTED = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul"})

_LEARNED = frozenset(
    {"BatchNormalization", "GroupNormalization", "InstanceNormalization", "LayerNormalization"}
    | {"PRelu"}
)


def macs_per_node(graph: Graph) -> dict[str, int]:
    """Return the multiply-accumulates of every node with a constant weight, by node name.

    A node whose shapes cannot be inferred is left out.
    """
    model = graph.model.clone()
    ShapeInferencePass()(model)
    counted = {str(n.name): _macs(n) for n in model.graph if n.op_type in _WEIGHTED}
    return {name: macs for name, macs in counted.items() if macs}


def parameters(graph: Graph) -> int:
    """Return how many numbers the layers of the network have learned.

    As frameworks count: of a batch normalization gain and bias, not the statistics; nothing of a
    decode, whose grids and strides are constants of the format; and no bias of zeros, which
    exporters and folding write for layers that have none.
    """
    values = {v for node in graph.model.graph for v in _learned(node)}
    return sum(v.const_value.size for v in values if v.const_value is not None)


def _learned(node: ir.Node) -> list[ir.Value]:
    """Return the inputs of ``node`` that a layer learns."""
    if node.op_type not in _WEIGHTED and node.op_type not in _LEARNED:
        return []
    learned = [value for value in node.inputs[1:3] if value is not None]
    if node.op_type in _WEIGHTED and len(learned) == 2 and _is_zero(learned[1]):
        del learned[1]
    return learned


def _is_zero(value: ir.Value) -> bool:
    return value.const_value is not None and not value.const_value.numpy().any()


def _macs(node: ir.Node) -> int:
    weight = node.inputs[1]
    counted = node.inputs[0] if node.op_type == "ConvTranspose" else node.outputs[0]
    if weight is None or weight.const_value is None or counted is None or counted.shape is None:
        return 0
    if not all(isinstance(d, int) for d in counted.shape):
        return 0
    return prod(counted.shape.numpy()) * _products(node, weight.const_value.shape.numpy())


def _products(node: ir.Node, weight: Sequence[int]) -> int:
    """Return the products per element: of the output, or of a transposed convolution's input."""
    if node.op_type in {"Conv", "ConvTranspose"}:
        return prod(weight[1:])
    transposed = node.attributes.get("transB")
    inner = 1 if transposed is not None and transposed.as_int() == 1 else max(0, len(weight) - 2)
    return weight[inner]
