"""A network and the gradients of its values, as one graph.

Source: reverse-mode differentiation; Griewank and Walther, "Evaluating Derivatives" (2008),
section 3.2. Written as ONNX, so that the runtime that runs the network runs its gradients too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import onnx_ir as ir
from onnx_ir import convenience
from onnx_ir.passes.common import RemoveUnusedNodesPass

from edgekit.calibrate.backward.adjoint import Adjoint
from edgekit.calibrate.backward.rules import RULES
from edgekit.graphs import graph_from_model

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edgekit.values import Graph

SEED = "backward.seed."
GRADIENT = "backward.gradient."


@dataclass(frozen=True, eq=False)
class Backward:
    """A network with gradients.

    Attributes:
        graph: Has an input ``SEED`` + name for every float output of the network: by how much the
            sum that is differentiated counts it. Its outputs are those of the network, then
            ``GRADIENT`` + name for every one of ``values``.
        values: Those asked for whose gradient is known.
    """

    graph: Graph
    values: tuple[str, ...]


def with_gradients(graph: Graph, names: Sequence[str]) -> Backward:
    """Return ``graph`` with the gradients of the values ``names``.

    A value has none where nothing that is seeded depends on it, and where an operator stands
    between it and an output whose gradient is not known (``rules.RULES``): part of a gradient
    would pass for the whole.
    """
    model = graph.model.clone()
    writer = _Writer(model.graph)
    writer.write()
    values = convenience.create_value_mapping(model.graph)
    known = [name for name in dict.fromkeys(names) if writer.knows(values[name])]
    for name in known:
        named = writer.tape.op("Identity", [writer.known[values[name]]])
        named.name = GRADIENT + name
        named.type, named.shape = values[name].type, values[name].shape
        model.graph.outputs.append(named)
    for number, node in enumerate(writer.tape.nodes):
        node.name = f"backward.{number}"
        for index, output in enumerate(node.outputs):
            output.name = output.name or f"backward.{number}.{index}"
    model.graph.extend(writer.tape.nodes)
    for initializer in writer.tape.initializers:
        model.graph.register_initializer(initializer)
    RemoveUnusedNodesPass()(model)
    return Backward(graph_from_model(model, parent=graph.sha256), tuple(known))


class _Writer:
    """Writes gradients, from the outputs backwards.

    Attributes:
        tape: The nodes written, in order.
        known: The whole gradient of a value.
    """

    def __init__(self, graph: ir.Graph) -> None:
        self.tape = ir.tape.Tape()
        self.known: dict[ir.Value, ir.Value] = {}
        self._graph = graph
        self._lost: set[ir.Value] = set()
        self._varying = _dependents(graph)

    def write(self) -> None:
        """Write the gradient of every value that the image changes."""
        for output in self._graph.outputs:
            if output.dtype != ir.DataType.FLOAT:
                self._lost.add(output)
                continue
            seed = ir.Value(name=f"{SEED}{output.name}", shape=output.shape, type=output.type)
            self._graph.inputs.append(seed)
            self._add(output, seed)
        for node in reversed(list(self._graph)):
            if any(value in self._varying for value in node.outputs):
                self._pass_back(node)

    def knows(self, value: ir.Value) -> bool:
        """Return whether the gradient of ``value`` is there, and whole."""
        return value in self.known and value not in self._lost

    def _pass_back(self, node: ir.Node) -> None:
        varying = [v for v in node.inputs if v is not None and v in self._varying]
        if any(output in self._lost for output in node.outputs):
            self._lost.update(varying)
            return
        gradients = [self.known.get(output) for output in node.outputs]
        if all(gradient is None for gradient in gradients):
            return
        try:
            found = RULES[node.op_type](Adjoint(node, gradients, self.tape))
        except LookupError:
            self._lost.update(varying)
            return
        for value, gradient in zip(node.inputs, found, strict=True):
            if value is not None and value in self._varying and gradient is not None:
                self._add(value, gradient)

    def _add(self, value: ir.Value, gradient: ir.Value) -> None:
        before = self.known.get(value)
        self.known[value] = gradient if before is None else self.tape.op("Add", [before, gradient])


def _dependents(graph: ir.Graph) -> set[ir.Value]:
    """Return the values that depend on an input of ``graph``."""
    found = set(graph.inputs)
    for node in graph:
        if any(value in found for value in node.inputs if value is not None):
            found.update(node.outputs)
    return found
