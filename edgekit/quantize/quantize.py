"""A float network and its ranges to a network in 8-bit integers."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from edgekit.quantize.bias import shift_biases
from edgekit.quantize.encode import encodings_of
from edgekit.quantize.qdq import insert_qdq

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edgekit.quantize.plan import Plan
    from edgekit.values import Floats, Graph, Range, Statistics, WeightRule


@dataclass(frozen=True, eq=False)
class QuantizedGraph:
    """A network with Q/DQ nodes, and the decisions behind them.

    Attributes:
        plan: What is quantized and what is not, with reasons.
        ranges: The range of every value that has an encoding of its own.
        weight_rule: Which integers its weights use.
        statistics: What calibration saw, where its ranges come from; ``None`` for given ranges.
        bias_shifts: What was added to the biases of its layers, by node.
        costs: What rounding each value is expected to cost the predictions, as
            ``calibrate.ranges.rounding_costs`` tells; empty where gradients are not known.
    """

    graph: Graph
    plan: Plan
    ranges: Mapping[str, Range]
    weight_rule: WeightRule
    statistics: Statistics | None = None
    bias_shifts: Mapping[str, Floats] = field(default_factory=dict)
    costs: Mapping[str, float] = field(default_factory=dict)


def quantize(
    graph: Graph,
    plan: Plan,
    ranges: Mapping[str, Range],
    weight_rule: WeightRule,
    bias_shifts: Mapping[str, Floats] = MappingProxyType({}),
) -> QuantizedGraph:
    """Return ``graph`` quantized.

    Args:
        graph: The network in float.
        plan: What is quantized.
        ranges: What its encodings cover.
        weight_rule: Which integers weights may use.
        bias_shifts: What to add to the bias of each layer where it is quantized, by node.
    """
    shifted = shift_biases(graph, bias_shifts, plan.nodes)
    quantized = insert_qdq(shifted, plan, encodings_of(graph, plan, ranges), weight_rule)
    return QuantizedGraph(quantized, plan, ranges, weight_rule, bias_shifts=bias_shifts)
