"""Run only what is new in a network that shares most of its nodes with another.

Two networks that differ in one layer compute the same up to that layer. What was computed once is
found again by what computed it, not by its name, so that any two networks can be compared: those
of a search, in which encodings come and go, as well.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import onnx_ir as ir

from edgekit.graphs import subgraph

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from edgekit.values import Graph


@dataclass(frozen=True, eq=False)
class Remainder:
    """What is left to run of a network once another has run.

    Attributes:
        graph: The part to run; ``None`` where nothing is new.
        inputs: Its inputs, each with the name of the equal value of the other network.
        outputs: Outputs of the whole network that the other one has computed already, likewise.
    """

    graph: Graph | None
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]

    @property
    def needed(self) -> frozenset[str]:
        """The values of the other network that have to be kept."""
        return frozenset({*self.inputs.values(), *self.outputs.values()})


def origins(graph: Graph) -> dict[str, str]:
    """Return a digest for every value of ``graph``: equal ones are computed alike.

    It covers operators, their attributes, constants and the names of the network's inputs.
    """
    found: dict[str, str] = {}
    for value in graph.model.graph.inputs:
        found[str(value.name)] = _digest("input", str(value.name))
    for node in graph.model.graph:
        inputs = [_of_input(value, found) for value in node.inputs]
        for index, output in enumerate(node.outputs):
            parts = (node.domain, node.op_type, *_attributes(node, graph), *inputs, str(index))
            found[str(output.name)] = _digest(*parts)
    return found


def remainder(graph: Graph, known: Mapping[str, str]) -> Remainder:
    """Return what of ``graph`` has to run where the values in ``known`` have been computed.

    Args:
        graph: A network.
        known: Name of a value of another network, by its digest as ``origins`` gives it.
    """
    origin = origins(graph)

    def known_name(value: ir.Value) -> str | None:
        # A cut needs the type of what is fed in; Q/DQ nodes leave that of integers open.
        typed = value.type is not None and value.shape is not None
        return known.get(origin[str(value.name)]) if typed else None

    outputs = {str(v.name): known_name(v) for v in graph.model.graph.outputs}
    new = [v for v in graph.model.graph.outputs if outputs[str(v.name)] is None]
    cut: dict[str, str] = {}
    pending, seen = list(new), set[ir.Value]()
    while pending:
        value = pending.pop()
        if value in seen or value.const_value is not None:
            continue
        seen.add(value)
        name = known_name(value)
        if name is not None:
            cut[str(value.name)] = name
        elif (producer := value.producer()) is not None:
            pending += [v for v in producer.inputs if v is not None]
    part = subgraph(graph, sorted(cut), [str(v.name) for v in new]) if new else None
    return Remainder(part, cut, {name: old for name, old in outputs.items() if old is not None})


def known_values(graph: Graph) -> dict[str, str]:
    """Return the name of every value of ``graph`` that can be kept, by its digest."""
    return {digest: name for name, digest in origins(graph).items()}


def _of_input(value: ir.Value | None, found: Mapping[str, str]) -> str:
    if value is None:
        return ""
    if value.const_value is None:
        return found[str(value.name)]
    array = value.const_value.numpy()
    return _digest(str(array.dtype), str(array.shape), array.tobytes())


def _attributes(node: ir.Node, graph: Graph) -> Iterator[str]:
    for name, attribute in sorted(node.attributes.items()):
        written = ir.serde.serialize_attribute(attribute).SerializeToString(deterministic=True)
        # A body reads values around it by name, so it is comparable within its own graph only.
        inner = attribute.type in {ir.AttributeType.GRAPH, ir.AttributeType.GRAPHS}
        yield _digest(name, written, graph.sha256 if inner else "")


def _digest(*parts: str | bytes) -> str:
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "big"))
        digest.update(data)
    return digest.hexdigest()
