"""Every exact rewrite of the layers of a network, to rest, each one proven."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgekit.graphs import graph_from_model
from edgekit.reparam.blocks import prove_folds, prove_merges
from edgekit.reparam.fold import fold_batchnorm
from edgekit.reparam.merge import merge_branches
from edgekit.reparam.parity import prove_parity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edgekit.protocols import Backend
    from edgekit.reparam.fold import Folded, Refused
    from edgekit.reparam.merge import Merged
    from edgekit.reparam.probes import Feeds
    from edgekit.values import Graph


@dataclass(frozen=True, eq=False)
class Reparameterized:
    """A network with fewer layers that computes the same.

    Attributes:
        graph: The network.
        folded: Batch normalizations that went into the layer before them.
        merged: Parallel branches that are one convolution now.
        refused: What is left as it was, with the reason.
    """

    graph: Graph
    folded: tuple[Folded, ...]
    merged: tuple[Merged, ...]
    refused: tuple[Refused, ...]


def reparameterize(graph: Graph, backend: Backend, inputs: Sequence[Feeds]) -> Reparameterized:
    """Return ``graph`` with batch normalizations folded and parallel branches merged.

    A merge may leave a convolution before a batch normalization, and that fold two convolutions
    to merge, so both run in turn until neither finds anything.

    Args:
        graph: In normal form.
        backend: Runs both graphs to compare them.
        inputs: What they are compared on; each layer is proven on the last.

    Raises:
        ParityError: A rewrite changed what the network computes; the message names the layer.
    """
    current = graph
    folded: list[Folded] = []
    merged: list[Merged] = []
    while True:
        folds = fold_batchnorm(current)
        prove_folds(current, folds, backend, inputs[-1])
        merges = merge_branches(folds.graph)
        prove_merges(folds.graph, merges, backend, inputs[-1])
        folded += folds.folded
        merged += merges.merged
        current = merges.graph
        if not merges.merged:
            break
    if folded or merged:
        prove_parity(graph, current, backend, inputs)
    final = graph_from_model(current.model, parent=graph.sha256)
    return Reparameterized(final, tuple(folded), tuple(merged), (*folds.refused, *merges.refused))
