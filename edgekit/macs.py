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


def macs_per_node(graph: Graph) -> dict[str, int]:
    """Return the multiply-accumulates of every node with a constant weight, by node name.

    A node whose shapes cannot be inferred is left out.
    """
    model = graph.model.clone()
    ShapeInferencePass()(model)
    counted = {str(n.name): _macs(n) for n in model.graph if n.op_type in _WEIGHTED}
    return {name: macs for name, macs in counted.items() if macs}


def parameters(graph: Graph) -> int:
    """Return how many numbers the float initializers of the network hold."""
    tensors = [v.const_value for v in graph.model.graph.initializers.values()]
    return sum(t.size for t in tensors if t is not None and t.dtype.is_floating_point())


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
