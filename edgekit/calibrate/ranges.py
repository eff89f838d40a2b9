"""The range of every encoded value, from statistics and the graph around it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx_ir import convenience

from edgekit.calibrate.activation import activation_after
from edgekit.calibrate.observers import observe

if TYPE_CHECKING:
    from edgekit.calibrate.observers import Observer
    from edgekit.values import Graph, Range, Statistics


def choose_ranges(graph: Graph, statistics: Statistics, observer: Observer) -> dict[str, Range]:
    """Return a range for every value in ``statistics``.

    A value read by one activation alone (the input of a SiLU, say) is judged by what comes out of
    that activation, for that is all the network sees of it.
    """
    values = convenience.create_value_mapping(graph.model.graph)
    return {
        name: observe(seen, observer, activation_after(values[name]))
        for name, seen in statistics.tensors.items()
    }
