"""Between ``Graph`` values, serialized ONNX and pieces of a graph."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import onnx_ir as ir
from onnx_ir import convenience

from edgekit.errors import StageError
from edgekit.values import Graph

if TYPE_CHECKING:
    from collections.abc import Sequence

    import onnx


def graph_from_model(model: ir.Model, parent: str | None = None) -> Graph:
    """Return ``model`` as a value, hashed by content."""
    return Graph(model, hashlib.sha256(_serialize(model)).hexdigest(), parent)


def graph_from_proto(proto: onnx.ModelProto, parent: str | None = None) -> Graph:
    """Return the value of an ONNX protobuf."""
    return graph_from_model(ir.serde.deserialize_model(proto), parent)


def graph_to_proto(graph: Graph) -> onnx.ModelProto:
    """Return the ONNX protobuf of ``graph``."""
    return ir.serde.serialize_model(graph.model)


def graph_to_bytes(graph: Graph) -> bytes:
    """Return ``graph`` serialized, as a runtime or a file takes it."""
    return _serialize(graph.model)


def subgraph(graph: Graph, inputs: Sequence[str], outputs: Sequence[str]) -> Graph:
    """Return the part of ``graph`` between the values named ``inputs`` and ``outputs``.

    Args:
        graph: The whole network.
        inputs: Names of values that become graph inputs (initializers come along by themselves).
        outputs: Names of values that become graph outputs.

    Raises:
        StageError: A name is unknown, or an output depends on a graph input not listed.
    """
    try:
        part = convenience.extract(graph.model.graph, inputs=list(inputs), outputs=list(outputs))
    except (ValueError, KeyError) as err:
        msg = f"Cannot cut the graph between {list(inputs)} and {list(outputs)}: {err}"
        raise StageError(msg) from err
    model = ir.Model(part, ir_version=graph.model.ir_version)
    return graph_from_model(model, parent=graph.sha256)


def with_outputs(graph: Graph, names: Sequence[str]) -> Graph:
    """Return ``graph`` with the values named ``names`` as its outputs, nothing else changed.

    Raises:
        StageError: A name is not a value of the graph.
    """
    model = graph.model.clone()
    values = convenience.create_value_mapping(model.graph)
    unknown = [name for name in names if name not in values]
    if unknown:
        raise StageError(f"The graph has no value named {unknown}. Use names it lists.")
    model.graph.outputs[:] = [values[name] for name in names]
    return graph_from_model(model, parent=graph.sha256)


def _serialize(model: ir.Model) -> bytes:
    data: bytes = ir.serde.serialize_model(model).SerializeToString(deterministic=True)
    return data
