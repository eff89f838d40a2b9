"""Every exact rewrite of the layers of a network, to rest, each one proven."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgekit.graphs import graph_from_model
from edgekit.reparam.alone import normalizations_as_convolutions
from edgekit.reparam.blocks import prove_blocks
from edgekit.reparam.fold import FOLDED, fold_batchnorm
from edgekit.reparam.lines import fold_lines
from edgekit.reparam.merge import Merged, merge_branches
from edgekit.reparam.outputs import drop_auxiliary_outputs
from edgekit.reparam.parity import prove_parity
from edgekit.reparam.pools import chain_pools
from edgekit.reparam.sequences import join_sequences

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from edgekit.protocols import Backend
    from edgekit.reparam.blocks import BlockParity
    from edgekit.reparam.outputs import Dropped
    from edgekit.reparam.parity import Parity
    from edgekit.reparam.probes import Feeds
    from edgekit.reparam.rules import Refused, Rewrite, Rewrites
    from edgekit.values import Graph

    _Rewriters = tuple[Callable[[Graph], Rewrites], ...]

# A merge may leave a convolution before a batch normalization, that fold two convolutions to
# merge, and so on: these take turns. What stands alone waits until they have come to rest.
_IN_TURN: _Rewriters = (fold_batchnorm, fold_lines, join_sequences, merge_branches, chain_pools)
_AT_REST: _Rewriters = (normalizations_as_convolutions,)


@dataclass(frozen=True, eq=False)
class Reparameterized:
    """A network with fewer layers that computes the same.

    Attributes:
        graph: The network.
        dropped: Outputs that only training needs, gone with all that fed only them.
        done: What has become one node, in order.
        proofs: How closely each of ``done`` computes what was there before, in the same order.
        refused: What is left as it was, with the reason.
        parity: How closely the whole of it agrees with what it was; ``None`` where nothing was
            rewritten.
    """

    graph: Graph
    dropped: tuple[Dropped, ...]
    done: tuple[Rewrite, ...]
    proofs: tuple[BlockParity, ...]
    refused: tuple[Refused, ...]
    parity: Parity | None

    @property
    def folded(self) -> tuple[str, ...]:
        """Names of the batch normalizations that went into the layer before them."""
        return tuple(name for done in self.done if done.rule == FOLDED for name in done.gone)

    @property
    def merged(self) -> tuple[Merged, ...]:
        """Parallel branches that are one convolution now."""
        return tuple(done for done in self.done if isinstance(done, Merged))

    @property
    def rewritten(self) -> tuple[Rewrite, ...]:
        """Whatever else has become one node."""
        others = (done for done in self.done if done.rule != FOLDED)
        return tuple(done for done in others if not isinstance(done, Merged))


def reparameterize(graph: Graph, backend: Backend, inputs: Sequence[Feeds]) -> Reparameterized:
    """Return ``graph`` with its training-time structure worked into plain convolutions.

    Outputs that detections do not need go first; see ``drop_auxiliary_outputs``.

    Args:
        graph: In normal form.
        backend: Runs both graphs to compare them.
        inputs: What they are compared on; each layer is proven on the last.

    Raises:
        ParityError: A rewrite changed what the network computes; the message names the layer.
    """
    rounds: list[_Round] = []
    refused: tuple[Refused, ...] = ()
    trimmed = drop_auxiliary_outputs(graph)
    rewrites, current = _IN_TURN, trimmed.graph
    while rewrites:
        found = _round(current, rewrites, backend, inputs[-1])
        rounds.append(found)
        current = found.graph
        if found.done:
            rewrites = _IN_TURN
        elif rewrites is _IN_TURN:
            refused, rewrites = found.refused, _AT_REST
        else:
            rewrites = ()
    parity = None
    if current is not trimmed.graph:
        parity = prove_parity(trimmed.graph, current, backend, inputs)
    return Reparameterized(
        graph_from_model(current.model, parent=graph.sha256),
        trimmed.dropped,
        tuple(done for one in rounds for done in one.done),
        tuple(proof for one in rounds for proof in one.proofs),
        refused,
        parity,
    )


@dataclass(frozen=True, eq=False)
class _Round:
    """Some rewrites, each once, with the proofs of what they did."""

    graph: Graph
    done: tuple[Rewrite, ...]
    proofs: tuple[BlockParity, ...]
    refused: tuple[Refused, ...]


def _round(graph: Graph, rewrites: _Rewriters, backend: Backend, feeds: Feeds) -> _Round:
    results: list[Rewrites] = []
    proofs: list[BlockParity] = []
    current = graph
    for rewrite in rewrites:
        result = rewrite(current)
        proofs += prove_blocks(current, result, backend, feeds)
        results.append(result)
        current = result.graph
    return _Round(
        current,
        tuple(done for result in results for done in result.done),
        tuple(proofs),
        tuple(refused for result in results for refused in result.refused),
    )
