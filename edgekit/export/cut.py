"""Graphs that end earlier: at the raw maps of the head, before its decode."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgekit.errors import StageError
from edgekit.graphs import graph_from_model
from edgekit.reparam.normal_form import normal_form

if TYPE_CHECKING:
    from edgekit.values import Graph


def cut_graph(graph: Graph, outputs: tuple[str, ...]) -> Graph:
    """Return ``graph`` with the values named ``outputs`` as its outputs, in that order.

    The inputs stay; nodes that only fed the old outputs are gone.

    Raises:
        StageError: ``outputs`` is empty, or no node computes a value of one of the names.
    """
    model = graph.model.clone()
    values = {value.name: value for node in model.graph for value in node.outputs}
    unknown = [name for name in outputs if name not in values]
    if unknown or not outputs:
        raise StageError(
            f"Cannot cut the graph at {unknown or 'no value'}: expected names of values that its "
            "nodes compute. Take the names from the head that was found in this same graph."
        )
    model.graph.outputs.clear()
    model.graph.outputs.extend(values[name] for name in outputs)
    return graph_from_model(normal_form(model), parent=graph.sha256)
