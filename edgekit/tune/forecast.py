"""What a choice of precisions is worth, told without running it: its damage and its time.

Both add up. The damage is the sum, over the values that are rounded, of the squared error that
rounding leaves behind, each error counted by how much the predictions follow it. The time is the
sum of what every node takes in its precision, plus what the borders between precisions take by
their size; both were measured on the target's runtime, and for all in float, all in INT8 and
layers that alternate the sum is the time that was measured of the whole.

Nodes that no choice concerns, such as those of the decode, take other times in the two networks,
too: last layers that are products multiply integers as long as they read them, and what is the
same in both was not measured alike. They take after the layers next to them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from edgekit.backends.node_times import NodeTimes, node_times
from edgekit.calibrate.ranges import rounding_errors
from edgekit.quantize.plan import dequantized

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    import onnx_ir as ir
    from numpy.typing import NDArray

    from edgekit.backends.node_times import Runtime
    from edgekit.pipeline.int8 import Calibrated
    from edgekit.quantize.plan import Plan
    from edgekit.tune.variants import Variants
    from edgekit.values import Graph

    Feeds = Mapping[str, NDArray[np.generic]]


@dataclass(frozen=True)
class Forecast:
    """What is expected of a network.

    Attributes:
        time_us: Of one inference.
        damage: Summed squared error of the predictions, on a scale of their own.
    """

    time_us: float
    damage: float


@dataclass(frozen=True)
class Times:
    """What the nodes of a network take on a runtime, in microseconds.

    Attributes:
        in_float: Of the network in float; its own changes of layout count to its nodes.
        in_int8: Of the network with every layer in INT8 that may be.
        per_element: Of one element that changes precision between two nodes, of those that are
            more than in ``in_int8``.
    """

    in_float: NodeTimes
    in_int8: NodeTimes
    per_element: float


class Forecaster:
    """Tells what any choice of layers to keep in float is worth."""

    def __init__(self, variants: Variants, damages: Mapping[str, float], times: Times) -> None:
        """Take the network, what rounding each value costs, and what each node takes."""
        self.variants, self._damages, self._times = variants, damages, times
        self._known: dict[frozenset[str], Forecast] = {}
        self._crossing = border_elements(variants.network, variants.whole.plan)
        self._deciding = _deciding(variants.network, variants.whole.plan.nodes)
        self._both = {
            name: (times.in_float.of_nodes.get(name, 0.0), times.in_int8.of_nodes.get(name, 0.0))
            for name in self._deciding
        }

    def __len__(self) -> int:
        """Return how many choices were looked at."""
        return len(self._known)

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers that may be in either precision, in the network's order."""
        return tuple(self.variants.groups)

    def of(self, in_float: frozenset[str]) -> Forecast:
        """Return what is expected with the layers ``in_float``, every other in INT8.

        With every layer in float it is FP32, the network as it is: nothing is rounded, while in
        any other choice what only moves the integers of an image does so in INT8.
        """
        if in_float not in self._known:
            self._known[in_float] = self._expected(in_float)
        return self._known[in_float]

    def _expected(self, in_float: frozenset[str]) -> Forecast:
        if in_float.issuperset(self.layers):
            return Forecast(self._times.in_float.total, 0.0)
        plan = self.variants.plan_of(in_float)
        return Forecast(self._time_us(plan), self._damage(plan))

    def _time_us(self, plan: Plan) -> float:
        nodes = sum(both[self._deciding[name] <= plan.nodes] for name, both in self._both.items())
        return nodes + self._borders_us(border_elements(self.variants.network, plan))

    def _borders_us(self, crossing: int) -> float:
        """Return what the borders take at which ``crossing`` elements change precision.

        All in INT8 tells it for as many as it has, and fewer take their share of that; what is
        beyond takes its time by the element.
        """
        borders = self._times.in_int8.borders
        if crossing < self._crossing:
            return borders * crossing / self._crossing
        return borders + self._times.per_element * (crossing - self._crossing)

    def _damage(self, plan: Plan) -> float:
        own = (value for value, link in plan.links.items() if link.leader == value)
        return sum(self._damages.get(value, 0.0) for value in own)


def rounding_damages(graph: Graph, calibrated: Calibrated) -> dict[str, float]:
    """Return what rounding each value alone costs the predictions: a weighted squared error.

    Values whose importance is not known are left out.
    """
    errors = rounding_errors(graph, calibrated.statistics, calibrated.importance)
    spans = calibrated.ranges
    return {name: error(spans[name].low, spans[name].high) for name, error in errors.items()}


def measure_times(variants: Variants, feeds: Feeds, backend: Runtime) -> Times:
    """Return what the nodes of a network take on ``backend``, in float and in INT8.

    What a border takes is told from a network whose layers alternate: what it takes longer than
    its nodes in their precisions and the borders of all in INT8, by the elements that cross more
    borders than there. Where it has no more, nothing tells it, and it is taken for nothing.

    Args:
        variants: Of the network.
        feeds: One set of its inputs.
        backend: The runtime.
    """
    network, whole = variants.network, variants.whole
    names = [str(node.name) for node in network.model.graph]
    every_second = tuple(variants.groups)[::2]
    graphs = (network, whole.graph, variants.in_float(every_second))
    in_float, in_int8, mixed = node_times(graphs, names, feeds, backend)
    free = Times(_without_borders(in_float), in_int8, 0.0)
    without_us = Forecaster(variants, {}, free).of(frozenset(every_second)).time_us
    more = border_elements(network, variants.plan_of(every_second))
    more -= border_elements(network, whole.plan)
    took = max(0.0, mixed.total - without_us)
    return replace(free, per_element=took / more if more > 0 else 0.0)


def _without_borders(times: NodeTimes) -> NodeTimes:
    """Return ``times`` with the borders shared out among the nodes."""
    scale = times.total / (times.total - times.borders)
    return NodeTimes({name: scale * time_us for name, time_us in times.of_nodes.items()}, 0.0)


def border_elements(graph: Graph, plan: Plan) -> int:
    """Return how many elements are quantized or dequantized between two nodes of ``graph``.

    What a last layer reads that multiplies integers counts as well: it is laid out anew for it.
    """
    return sum(
        _size(value) * _crossings(node, value, plan)
        for node in graph.model.graph
        for value in node.outputs
        if value.name in plan.links and not dequantized(value)
    )


def _deciding(graph: Graph, quantized: Collection[str]) -> dict[str, frozenset[str]]:
    """Return which nodes have to be in INT8 for each node to take its time in INT8.

    One of ``quantized``, those that may be in INT8, decides for itself. On any other decide those
    of them that come next before it: on a product of integers, what gives it these integers. On
    one that has none before it decide those next behind it: what makes reals of a u8 image is
    gone where all that reads them takes integers.
    """
    found: dict[str, frozenset[str]] = {}
    for node in graph.model.graph:
        name = str(node.name)
        producers = [v.producer() for v in node.inputs if v is not None]
        before = [found[str(producer.name)] for producer in producers if producer is not None]
        found[name] = frozenset({name}) if name in quantized else frozenset().union(*before)
    for node in reversed(graph.model.graph):
        readers = [str(use.node.name) for output in node.outputs for use in output.uses()]
        if not found[str(node.name)]:
            found[str(node.name)] = frozenset().union(*(found[reader] for reader in readers))
    return found


def _crossings(node: ir.Node, value: ir.Value, plan: Plan) -> int:
    """Return how often ``value`` changes precision: once to integers, and back for every reader."""
    if node.name not in plan.nodes:
        return 1
    return sum(use.node.name not in plan.nodes for use in value.uses())


def _size(value: ir.Value) -> int:
    return int(np.prod(value.shape.numpy())) if value.shape is not None else 0
