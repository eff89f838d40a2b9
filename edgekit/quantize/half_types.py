"""Which ends of a node may carry 16-bit floats, by ONNX's own definition of its operator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import onnx_ir as ir
from onnx import defs
from onnx_ir.passes.common import ShapeInferencePass

from edgekit.errors import StageError
from edgekit.values import Graph

if TYPE_CHECKING:
    from collections.abc import Sequence

_HALF = "tensor(float16)"


@dataclass(frozen=True)
class Ports:
    """The ends of a node that hold float32 and may hold float16 instead.

    Attributes:
        inputs: Positions among its inputs.
        outputs: Positions among its outputs.
        refusal: Why the node has to stay in float32; ``None`` where it may be in 16 bits.
    """

    inputs: frozenset[int] = frozenset()
    outputs: frozenset[int] = frozenset()
    refusal: str | None = None


def half_ports(node: ir.Node, opset: int) -> Ports:
    """Return the ends of ``node`` that may be in 16 bits when the node runs in them.

    What its definition fixes to float32, such as the scales of a Resize, stays that.

    Args:
        node: Every float value it reads or writes has a type.
        opset: Of ONNX's own operators in its model.
    """
    if not any(is_float(value) for value in (*node.inputs, *node.outputs)):
        return Ports()
    if any(_holds_graph(attribute) for attribute in node.attributes.values()):
        return Ports(refusal=f"{node.op_type} runs graphs of its own")
    if node.domain not in ("", "ai.onnx") or not defs.has(node.op_type, opset):
        return Ports(
            refusal=f"ONNX does not define {node.op_type}: nothing says which types it has"
        )
    schema = defs.get_schema(node.op_type, opset)
    allowed = {c.type_param_str: c.allowed_type_strs for c in schema.type_constraints}
    inputs = _halves(node.inputs, schema.inputs, allowed)
    outputs = _halves(node.outputs, schema.outputs, allowed)
    if node.op_type != "Cast" and _makes_floats(node):
        return Ports(refusal="it makes its numbers itself, of the type an attribute says")
    if not (inputs or outputs) or _first_is_fixed(node, outputs):
        return Ports(refusal=f"opset {opset} defines {node.op_type} for no 16-bit floats here")
    return Ports(inputs, outputs)


def typed(graph: Graph) -> Graph:
    """Return ``graph`` with the type of every value known.

    Raises:
        StageError: Nothing tells the type of a value.
    """
    if not _untyped(graph):
        return graph
    inferred = Graph(graph.model.clone(), graph.sha256, graph.parent)
    ShapeInferencePass(check_type=True, strict_mode=True)(inferred.model)
    for node in _untyped(inferred):
        raise StageError(
            f"Nothing tells the type of what node '{node.name}' ({node.op_type}) gives: expected "
            "a network of ONNX's own operators whose types fit each other. Convert for a target "
            "in float32, such as ort-cpu-fp32."
        )
    return inferred


def _untyped(graph: Graph) -> list[ir.Node]:
    """Return the nodes with an output of unknown type; one that is left out has no name."""
    return [
        node
        for node in graph.model.graph
        if any(value.name and value.dtype is None for value in node.outputs)
    ]


def is_float(value: ir.Value | None) -> bool:
    """Return whether ``value`` is there and holds float32."""
    return value is not None and value.dtype == ir.DataType.FLOAT


def _halves(
    values: Sequence[ir.Value | None],
    formal: Sequence[defs.OpSchema.FormalParameter],
    allowed: dict[str, Sequence[str]],
) -> frozenset[int]:
    """Return the positions of float values whose formal parameter may be float16 too."""
    found = set()
    for position, value in enumerate(values):
        parameter = formal[min(position, len(formal) - 1)].type_str  # the last may repeat
        if is_float(value) and _HALF in allowed.get(parameter, (parameter,)):
            found.add(position)
    return frozenset(found)


def _first_is_fixed(node: ir.Node, outputs: frozenset[int]) -> bool:
    return is_float(node.outputs[0]) and 0 not in outputs


def _makes_floats(node: ir.Node) -> bool:
    """Return whether a float comes out though none goes in."""
    return is_float(node.outputs[0]) and not any(is_float(value) for value in node.inputs)


def _holds_graph(attribute: ir.Attr) -> bool:
    return attribute.type in (ir.AttributeType.GRAPH, ir.AttributeType.GRAPHS)
