"""Graphs in an older opset, for runtimes that read no newer one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx
import onnx_ir as ir
from onnx_ir.passes import common

from edgekit.errors import ConfigError
from edgekit.export.older_operators import is_missing, write_out
from edgekit.export.older_spellings import respell
from edgekit.graphs import graph_from_model

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edgekit.values import Graph

OLDEST = 13  # the first with per-channel quantization


def lower_opset(graph: Graph, opset: int) -> Graph:
    """Return ``graph`` in ``opset``, with the same names of inputs and outputs.

    It stays as it is where it is of that opset already, or of an older one, which every reader of
    ``opset`` reads too. Only ONNX's own operators change; what a runtime adds to them stays.

    Args:
        graph: With the shapes and types of its values.
        opset: 13 or later.

    Raises:
        ConfigError: ``opset`` is older than 13, or has no way to say what a node computes; the
            message names the nodes, and the oldest opset that has.
    """
    current = graph.model.opset_imports.get("", 0)
    if opset < OLDEST:
        raise ConfigError(
            f"Cannot write the network in opset {opset}: expected {OLDEST} or later, which have "
            f"quantization per channel. Set opset to {OLDEST} or more."
        )
    if current <= opset:
        return graph
    lowered, obstacles = _lowered(graph, opset)
    if obstacles:
        tried = range(opset + 1, current)
        lowest = next((other for other in tried if not _lowered(graph, other)[1]), current)
        raise ConfigError(
            f"Cannot write the network in opset {opset}: expected nodes that it has a spelling "
            f"for, found {'; '.join(obstacles)}. Set opset to {lowest}, the oldest that this "
            "network can be written in."
        )
    return graph_from_model(lowered, parent=graph.sha256)


def _lowered(graph: Graph, opset: int) -> tuple[ir.Model, list[str]]:
    """Return the graph in ``opset``, and what of it cannot be said there."""
    model, obstacles = graph.model.clone(), []
    common.InlinePass()(model)
    source = model.opset_imports[""]
    for node in tuple(model.graph.all_nodes()):
        reason = _lower_node(node, source, opset) if node.domain == "" else None
        if reason is not None:
            obstacles.append(f"'{node.name}' ({node.op_type}): {reason}")
    model.opset_imports[""] = opset
    imports = [onnx.helper.make_opsetid("", opset)]
    model.ir_version = min(model.ir_version, onnx.helper.find_min_ir_version_for(imports))
    common.RemoveUnusedNodesPass()(model)
    common.NameFixPass()(model)
    return model, obstacles


def _lower_node(node: ir.Node, source: int, opset: int) -> str | None:
    """Rewrite ``node``, or return why that cannot be."""
    if is_missing(node, source, opset):
        return write_out(node, source, opset)
    reason = respell(node, opset)
    if reason is not None:
        return reason
    if not onnx.defs.has(node.op_type, opset, ""):
        return f"opset {opset} has no such operator"
    newer, older = (onnx.defs.get_schema(node.op_type, v, "") for v in (source, opset))
    if newer.since_version == older.since_version:
        return None
    return (
        _drop_defaults(node, newer, older)
        or _type_obstacle("input", node.inputs, older)
        or _type_obstacle("output", node.outputs, older)
    )


def _drop_defaults(
    node: ir.Node, newer: onnx.defs.OpSchema, older: onnx.defs.OpSchema
) -> str | None:
    """Remove attributes that ``older`` does not know; return which one says something there."""
    for name in [name for name in node.attributes if name not in older.attributes]:
        known = newer.attributes.get(name)
        default = None if known is None else known.default_value
        meant = None if not default else ir.serde.deserialize_attribute(default).value
        if node.attributes[name].value != meant:
            return f"its attribute '{name}' came with a later opset"
        node.attributes.pop(name)
    return None


def _type_obstacle(
    side: str, values: Sequence[ir.Value | None], older: onnx.defs.OpSchema
) -> str | None:
    """Return which of ``values`` a node of the schema ``older`` cannot have, or ``None``."""
    known = older.inputs if side == "input" else older.outputs
    last = len(known) - 1
    variadic = known and known[last].option == onnx.defs.OpSchema.FormalParameterOption.Variadic
    for index, value in enumerate(values):
        if value is None:
            continue
        if index > last and not variadic:
            return f"{side} {index} came with a later opset"
        spelled = None if value.dtype is None else f"tensor({_spelled(value.dtype)})"
        allowed = known[min(index, last)].types
        if spelled is not None and spelled not in allowed:
            return f"{side} {index} may not be {spelled} before"
    return None


def _spelled(dtype: ir.DataType) -> str:
    """Return ``dtype`` as ONNX schemas spell it."""
    return {"FLOAT": "float", "DOUBLE": "double"}.get(dtype.name, dtype.name.lower())
