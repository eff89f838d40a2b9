"""Every exact rewrite of the layers of a network, to rest, each one proven."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgekit.graphs import graph_from_model
from edgekit.reparam.blocks import prove_folds, prove_merges, prove_rewrites
from edgekit.reparam.fold import fold_batchnorm
from edgekit.reparam.lines import fold_lines
from edgekit.reparam.merge import merge_branches
from edgekit.reparam.parity import prove_parity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edgekit.protocols import Backend
    from edgekit.reparam.fold import Folded, Refused, RewriteResult
    from edgekit.reparam.merge import Merged, MergeResult
    from edgekit.reparam.probes import Feeds
    from edgekit.reparam.rules import Rewrite, Rewrites
    from edgekit.values import Graph

_OTHERS = (fold_lines,)


@dataclass(frozen=True, eq=False)
class Reparameterized:
    """A network with fewer layers that computes the same.

    Attributes:
        graph: The network.
        folded: Batch normalizations that went into the layer before them.
        merged: Parallel branches that are one convolution now.
        rewritten: Whatever else has become one node.
        refused: What is left as it was, with the reason.
    """

    graph: Graph
    folded: tuple[Folded, ...]
    merged: tuple[Merged, ...]
    rewritten: tuple[Rewrite, ...]
    refused: tuple[Refused, ...]


def reparameterize(graph: Graph, backend: Backend, inputs: Sequence[Feeds]) -> Reparameterized:
    """Return ``graph`` with its training-time structure worked into plain convolutions.

    A merge may leave a convolution before a batch normalization, that fold two convolutions to
    merge, and so on, so all rewrites run in turn until none finds anything.

    Args:
        graph: In normal form.
        backend: Runs both graphs to compare them.
        inputs: What they are compared on; each layer is proven on the last.

    Raises:
        ParityError: A rewrite changed what the network computes; the message names the layer.
    """
    rounds = [_round(graph, backend, inputs[-1])]
    while rounds[-1].graph.sha256 != rounds[-1].before:
        rounds.append(_round(rounds[-1].graph, backend, inputs[-1]))
    last = rounds[-1]
    if len(rounds) > 1:
        prove_parity(graph, last.graph, backend, inputs)
    return Reparameterized(
        graph_from_model(last.graph.model, parent=graph.sha256),
        tuple(done for one in rounds for done in one.folds.folded),
        tuple(done for one in rounds for done in one.merges.merged),
        tuple(done for one in rounds for result in one.others for done in result.done),
        last.refused,
    )


@dataclass(frozen=True, eq=False)
class _Round:
    """Every rewrite, once. ``before`` is the hash of the graph they started from."""

    before: str
    folds: RewriteResult
    others: tuple[Rewrites, ...]
    merges: MergeResult

    @property
    def graph(self) -> Graph:
        return self.merges.graph

    @property
    def refused(self) -> tuple[Refused, ...]:
        others = (refused for result in self.others for refused in result.refused)
        return (*self.folds.refused, *others, *self.merges.refused)


def _round(graph: Graph, backend: Backend, feeds: Feeds) -> _Round:
    folds = fold_batchnorm(graph)
    prove_folds(graph, folds, backend, feeds)
    current, others = folds.graph, []
    for rewrite in _OTHERS:
        result = rewrite(current)
        prove_rewrites(current, result, backend, feeds)
        others.append(result)
        current = result.graph
    merges = merge_branches(current)
    prove_merges(current, merges, backend, feeds)
    return _Round(graph.sha256, folds, tuple(others), merges)
