"""A network as OpenVINO reads it, and which of its operations compute a node of the ONNX network.

Names do not tell: a Conv with a bias is two operations, an activation of three nodes is one, and
what gives an output is called after the output. Tensors do: each keeps the name of its ONNX value.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from edgekit.errors import StageError
from edgekit.graphs import graph_to_bytes
from edgekit.optional import require

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import onnx_ir as ir
    from openvino import Model, Output

    from edgekit.values import Graph

NEEDED_FOR = "INT8 for OpenVINO"
NO_WORK = frozenset({"Constant", "Parameter", "Result"})


def read_simplified(graph: Graph) -> Model:
    """Return ``graph`` as OpenVINO reads it, with its operations joined as it runs them.

    Without, NNCF would see an activation as several operations, and quantize between them.

    Raises:
        MissingExtraError: OpenVINO is not installed.
        StageError: OpenVINO cannot read the network.
    """
    openvino = require("openvino", extra="openvino", needed_for=NEEDED_FOR)
    # What openvino.convert_model does too, which reads files only and reports each use.
    passes = require("openvino._offline_transformations", extra="openvino", needed_for=NEEDED_FOR)
    try:
        model = openvino.Core().read_model(graph_to_bytes(graph))
        passes.apply_moc_transformations(model, cf=True)
    except RuntimeError as err:
        raise StageError(
            f"OpenVINO cannot read the network: {last_line(err)}. "
            "Convert it for ONNX Runtime: edgekit convert MODEL --target ort-cpu-int8"
        ) from err
    settle_names(model, graph, "read")
    return model


def settle_names(model: Model, graph: Graph, stage: str) -> None:
    """Name in place what OpenVINO numbered, so that the same network gives the same file.

    It numbers all operations that a process makes: a second conversion has other names.

    Args:
        model: What was made of ``graph``.
        graph: The network, whose own names stay.
        stage: What made the operations; starts their names.
    """
    passes = require("openvino._offline_transformations", extra="openvino", needed_for=NEEDED_FOR)
    passes.apply_fused_names_cleanup(model)
    inner = graph.model.graph
    own = {node.name for node in inner} | _values(graph) | inner.initializers.keys()
    for place, op in enumerate(model.get_ordered_ops()):
        name = op.get_friendly_name()
        if name not in own and re.fullmatch(r"[A-Z]\w*_\d+", name):
            op.set_friendly_name(f"{stage}/{op.get_type_name()}/{place}")


def last_line(err: Exception) -> str:
    """Return what an error of OpenVINO ends with, without the advice below it."""
    lines = [line.strip() for line in str(err).splitlines() if line.strip()]
    found = [line.removeprefix("-- ") for line in lines if line.startswith("-- ")]
    return (found or lines or ["no reason given"])[-1].rstrip(".")


def operations_of(model: Model, graph: Graph, nodes: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the names of the operations that compute each of ``nodes``.

    What the conversion joined with other nodes comes whole; a node that it found to change nothing
    has none.

    Args:
        model: ``graph`` as OpenVINO reads it.
        graph: The network.
        nodes: Names of nodes of ``graph``, each with why they are looked for.

    Raises:
        StageError: A node is not in ``graph``, or nothing in ``model`` stands for it.
    """
    places = _Places.of(model, graph)
    known = {str(node.name): node for node in graph.model.graph}
    found: dict[str, list[str]] = {}
    for name, reason in nodes.items():
        if name not in known:
            raise StageError(
                f"The network has no node '{name}' ({reason}). "
                "List those it has with: edgekit inspect MODEL"
            )
        found[name] = sorted(places.of_node(known[name], reason))
    return found


class _Places:
    """Where the values of an ONNX network are in an OpenVINO network."""

    def __init__(self, ports: Mapping[str, Output]) -> None:
        self._ports = ports

    @classmethod
    def of(cls, model: Model, graph: Graph) -> _Places:
        values = _values(graph)
        return cls(
            {
                name: port
                for op in model.get_ops()
                if op.get_type_name() != "Result"
                for port in op.outputs()
                for name in port.get_names() & values
            }
        )

    def of_node(self, node: ir.Node, reason: str) -> set[str]:
        """Return the names of the operations from what ``node`` reads to the values after it."""
        ports = list(self._after(node))
        if not ports:
            raise StageError(
                f"Nothing in the OpenVINO network stands for node '{node.name}' "
                f"({node.op_type}: {reason}), so it cannot be told to stay in float. "
                "Quantize for ONNX Runtime instead: edgekit convert MODEL --target ort-cpu-int8"
            )
        read = {value.name for value in node.inputs if value is not None}
        return {
            name for port in ports if not port.get_names() & read for name in self._behind(port)
        }

    def _after(self, node: ir.Node) -> Iterator[Output]:
        """Yield where ``node`` gives its values; where they are lost, those of who reads them."""
        for value in node.outputs:
            if (name := str(value.name)) in self._ports:
                yield self._ports[name]
            else:
                for use in value.uses():
                    yield from self._after(use.node)

    def _behind(self, port: Output) -> Iterator[str]:
        """Yield the names of the operations between ``port`` and the values before it."""
        op = port.get_node()
        if op.get_type_name() in NO_WORK:
            return
        yield op.get_friendly_name()
        for taken in op.inputs():
            source = taken.get_source_output()
            if not source.get_names() & self._ports.keys():
                yield from self._behind(source)


def _values(graph: Graph) -> set[str]:
    """Return the names of all that is given to the network or computed by it."""
    inner = graph.model.graph
    given = {str(value.name) for value in inner.inputs}
    return given | {str(value.name) for node in inner for value in node.outputs}
