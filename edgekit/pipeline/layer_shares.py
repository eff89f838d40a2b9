"""Which layers are expected to lose most to rounding, for the report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgekit.report.loss import LayerShare

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edgekit.values import Graph

MOST = 20


def layer_shares(graph: Graph, costs: Mapping[str, float]) -> tuple[LayerShare, ...]:
    """Return the layers whose rounded results cost most, at most 20, the largest first.

    Args:
        graph: The network.
        costs: What rounding each value costs; inputs of the network are no layer's.
    """
    total = sum(costs.values())
    if not total > 0:
        return ()
    by_layer = {
        str(node.name): sum(costs.get(str(out.name), 0.0) for out in node.outputs)
        for node in graph.model.graph
    }
    ranked = sorted(by_layer.items(), key=lambda item: (-item[1], item[0]))
    return tuple(
        LayerShare(layer=name, share=min(1.0, cost / total)) for name, cost in ranked[:MOST] if cost
    )
