"""One network in many precisions: any of its layers in float, the others in INT8."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from edgekit.quantize.bias import shift_biases
from edgekit.quantize.encode import encode_weight, encodings_of
from edgekit.quantize.plan import plan
from edgekit.quantize.qdq import insert_qdq
from edgekit.tune.groups import layer_groups

if TYPE_CHECKING:
    from collections.abc import Collection

    from edgekit.quantize.encode import EncodedWeight
    from edgekit.quantize.plan import Plan
    from edgekit.quantize.quantize import QuantizedGraph
    from edgekit.values import Floats, Graph, WeightRule

SWITCHED = "kept in float to see what that is worth"


class EncodedWeights:
    """``encode_weight`` that remembers: variants of a network share nearly all their weights."""

    def __init__(self) -> None:
        self._known: dict[tuple[object, ...], EncodedWeight] = {}

    def __call__(
        self, weight: Floats, axis: int, rule: WeightRule, smallest: Floats | float = 0.0
    ) -> EncodedWeight:
        """Return what ``encode_weight`` returns."""
        least = smallest if isinstance(smallest, float) else smallest.tobytes()
        key = (hashlib.sha256(weight.tobytes()).digest(), weight.shape, axis, rule, least)
        if key not in self._known:
            self._known[key] = encode_weight(weight, axis, rule, smallest)
        return self._known[key]


@dataclass(frozen=True, eq=False)
class Variants:
    """All precisions that a network may have, layer by layer.

    Attributes:
        network: In float.
        whole: The same with every layer in INT8 that may be.
        groups: The nodes that change precision with each layer, as ``layer_groups`` gives them.
        encode: Weights already in integers.
    """

    network: Graph
    whole: QuantizedGraph
    groups: dict[str, frozenset[str]]
    encode: EncodedWeights = field(default_factory=EncodedWeights)

    def in_float(self, layers: Collection[str]) -> Graph:
        """Return the network with ``layers`` in float, every other in INT8."""
        return self._graph(frozenset().union(*(self.groups[layer] for layer in layers)))

    def alone(self, layer: str) -> Graph:
        """Return the network with one layer in INT8, its activations too, and nothing else."""
        return self._graph(self.whole.plan.nodes - self.groups[layer])

    def all_float(self) -> Graph:
        """Return the network in float, written as the variants are."""
        return self._graph(self.whole.plan.nodes)

    def plan_of(self, layers: Collection[str], reason: str = SWITCHED) -> Plan:
        """Return the plan with ``layers`` in float, each for the ``reason``."""
        nodes = frozenset().union(*(self.groups[layer] for layer in layers))
        return self._plan(nodes, reason)

    def _plan(self, in_float: frozenset[str], reason: str = SWITCHED) -> Plan:
        kept = {**self.whole.plan.kept_float, **dict.fromkeys(in_float, reason)}
        return plan(self.network, self.whole.plan.rules, kept, self.whole.plan.shared)

    def _graph(self, in_float: frozenset[str]) -> Graph:
        whole, decided = self.whole, self._plan(in_float)
        encodings = encodings_of(self.network, decided, whole.ranges)
        shifted = shift_biases(self.network, whole.bias_shifts, decided.nodes)
        return insert_qdq(shifted, decided, encodings, whole.weight_rule, self.encode)


def variants_of(network: Graph, whole: QuantizedGraph, alone: Collection[str] = ()) -> Variants:
    """Return the variants of ``network``, which in INT8 is ``whole``.

    Args:
        network: In float.
        whole: The same in INT8.
        alone: Nodes that change precision by themselves where they belong to no layer.
    """
    return Variants(network, whole, layer_groups(network, whole.plan, alone))
