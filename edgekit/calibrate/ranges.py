"""The range of every encoded value, from statistics and the graph around it."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from onnx_ir import convenience

from edgekit.calibrate.activation import activation_after
from edgekit.calibrate.observers import observe

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edgekit.calibrate.observers import Observer
    from edgekit.values import Floats, Graph, Range, Statistics


def choose_ranges(
    graph: Graph,
    statistics: Statistics,
    observer: Observer,
    importance: Mapping[str, Floats] = MappingProxyType({}),
) -> dict[str, Range]:
    """Return a range for every value in ``statistics``.

    A value read by one activation alone (the input of a SiLU, say) is judged by what comes out of
    that activation, for that is all the network sees of it.

    Args:
        graph: The network.
        statistics: Of its values.
        observer: How ranges follow from them.
        importance: What ``importance.importance`` found, for the observer ``damage``.
    """
    values = convenience.create_value_mapping(graph.model.graph)
    ranges = {}
    for name, seen in statistics.tensors.items():
        activation = activation_after(values[name])
        through = activation.function if activation else None
        ranges[name] = observe(seen, observer, through, importance.get(name))
    return ranges
