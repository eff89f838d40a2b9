"""Proof of each rewrite on its own, in float64, on activations of the real network.

A whole graph run in float32 hides a small mistake in one layer under the rounding of the others,
and no ONNX runtime computes a float64 convolution at useful speed. One output pixel costs little.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from edgekit.errors import ParityError
from edgekit.reparam.definition import nine_pixels
from edgekit.reparam.parity import evaluate

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from edgekit.protocols import Backend
    from edgekit.reparam.algebra import Doubles
    from edgekit.reparam.definition import Region
    from edgekit.reparam.probes import Feeds
    from edgekit.reparam.rules import Rewrite, Rewrites
    from edgekit.values import Graph


@dataclass(frozen=True)
class BlockParity:
    """How closely one rewritten node equals what it replaces, in float64.

    Attributes:
        rule: What kind of rewrite it is.
        node: Name of the node.
        nodes_before: How many nodes did its work.
        difference: Largest difference, relative to the largest value of the block.
        error: Largest difference over its allowance. The allowance is what rounding the new
            weights to float32 can do: at most 1 by construction, far more for a wrong rewrite.
        crops: At how many pixels of its output they were compared, each computed from the crop of
            the real activations that it reads.
    """

    rule: str
    node: str
    nodes_before: int
    difference: float
    error: float
    crops: int


def prove_blocks(
    before: Graph, result: Rewrites, backend: Backend, feeds: Feeds
) -> tuple[BlockParity, ...]:
    """Return, for each node that computes what several did, how closely it equals them.

    Args:
        before: The graph ``result`` was made from.
        result: The rewrites to prove.
        backend: Gives the activations that enter each.
        feeds: One input; a real image shows the nodes what they will see.

    Raises:
        ParityError: A rewrite differs by more than rounding; the message names the nodes.
    """
    activations = _activations(before, (done.source for done in result.done), backend, feeds)
    old = {v.name: v for node in before.model.graph for v in node.outputs}
    old |= {v.name: v for v in before.model.graph.inputs}
    new = {node.name: node for node in result.graph.model.graph}
    proofs = []
    for done in result.done:
        sources = {done.source: activations[done.source]}
        wanted, *others = (nine_pixels(old[n], sources) for n in done.terms or (done.value,))
        wanted = sum(others, wanted)
        found = nine_pixels(new[done.node].outputs[0], sources)
        proofs.append(_compare(done, wanted, found))
    return tuple(proofs)


def _activations(
    graph: Graph, names: Iterable[str], backend: Backend, feeds: Feeds
) -> dict[str, Doubles]:
    """Return the values of ``names``, some of which may be inputs, for one input."""
    wanted = set(names)
    computed = sorted(wanted - set(feeds))
    values: dict[str, NDArray[np.generic]] = {n: feeds[n] for n in wanted & set(feeds)}
    if computed:
        values |= evaluate(graph, computed, backend, [feeds])[0]
    return {name: array.astype(np.float64) for name, array in values.items()}


def _compare(done: Rewrite, wanted: Region, found: Region) -> BlockParity:
    """Return how closely the node of ``done`` gives what is ``wanted``, or raise."""
    # Float64 itself rounds what is wanted, which shows where branches cancel each other.
    exact = 64 * np.finfo(np.float64).eps * wanted.sizes
    allowed = found.sizes * np.finfo(np.float32).eps + exact + np.finfo(np.float32).tiny
    distance = np.abs(wanted.values - found.values)
    error = float(np.max(distance / allowed, initial=0.0))
    names = tuple(dict.fromkeys((done.node, *done.gone)))
    if not error <= 1.0:
        raise ParityError(
            f"Rewriting {', '.join(map(repr, names))} ({done.rule}) into '{done.node}' changed "
            "what they compute: expected a difference within float32 rounding, found "
            f"{error:.3g} times that. The graph from before the rewrite is still good to use."
        )
    largest = float(np.max(np.abs(wanted.values), initial=0.0))
    difference = float(np.max(distance, initial=0.0)) / (largest or 1.0)
    crops = wanted.values[0].size
    return BlockParity(done.rule, done.node, len(names), difference, error, crops)
