"""The range of every encoded value, from statistics and the graph around it."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from onnx_ir import convenience

from edgekit.calibrate.activation import activation_after
from edgekit.calibrate.observers import observe, rounding_error

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from edgekit.calibrate.observers import Error, Observer, Through
    from edgekit.values import Floats, Graph, Range, Statistics


def choose_ranges(
    graph: Graph,
    statistics: Statistics,
    observer: Observer,
    importance: Mapping[str, Floats] = MappingProxyType({}),
    *,
    symmetric: bool = False,
) -> dict[str, Range]:
    """Return a range for every value in ``statistics``.

    A value read by one activation alone (the input of a SiLU, say) is judged by what comes out of
    that activation, for that is all the network sees of it.

    Args:
        graph: The network.
        statistics: Of its values.
        observer: How ranges follow from them.
        importance: What ``importance.importance`` found, for the observer ``damage``.
        symmetric: Whether they reach as far below zero as above.
    """
    through = _through(graph, statistics.tensors)
    return {
        name: observe(seen, observer, through[name], importance.get(name), symmetric=symmetric)
        for name, seen in statistics.tensors.items()
    }


def rounding_errors(
    graph: Graph, statistics: Statistics, importance: Mapping[str, Floats]
) -> dict[str, Error]:
    """Return what rounding a value costs the predictions, by the ends of its range.

    Args:
        graph: The network.
        statistics: Of its values.
        importance: What ``importance.importance`` found; what it leaves out is left out here.
    """
    through = _through(graph, importance)
    return {
        name: rounding_error(statistics.tensors[name], weights, through[name])
        for name, weights in importance.items()
    }


def rounding_costs(
    graph: Graph,
    statistics: Statistics,
    importance: Mapping[str, Floats],
    ranges: Mapping[str, Range],
) -> dict[str, float]:
    """Return what rounding each of ``ranges`` to its range is expected to cost the predictions.

    That is the squared error of the value, weighed by the squared gradients of the predictions;
    values without gradients are left out.
    """
    asked = {name: importance[name] for name in ranges if name in importance}
    errors = rounding_errors(graph, statistics, asked)
    return {name: error(ranges[name].low, ranges[name].high) for name, error in errors.items()}


def _through(graph: Graph, names: Iterable[str]) -> dict[str, Through | None]:
    """Return the activation that alone reads each value; ``None`` where there is none."""
    values = convenience.create_value_mapping(graph.model.graph)
    found = {name: activation_after(values[name]) for name in names}
    return {name: None if after is None else after.function for name, after in found.items()}
