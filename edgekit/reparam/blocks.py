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
    from collections.abc import Iterable, Sequence

    import onnx_ir as ir
    from numpy.typing import NDArray

    from edgekit.protocols import Backend
    from edgekit.reparam.algebra import Doubles
    from edgekit.reparam.definition import Region
    from edgekit.reparam.fold import RewriteResult
    from edgekit.reparam.merge import MergeResult
    from edgekit.reparam.probes import Feeds
    from edgekit.reparam.rules import Rewrites
    from edgekit.values import Graph


@dataclass(frozen=True)
class BlockParity:
    """How closely one rewritten layer equals what it replaces, in float64.

    Attributes:
        node: Name of the layer.
        error: Largest difference over its allowance. The allowance is what rounding the new
            weights to float32 can do: at most 1 by construction, far more for a wrong rewrite.
    """

    node: str
    error: float


def prove_folds(
    before: Graph, result: RewriteResult, backend: Backend, feeds: Feeds
) -> tuple[BlockParity, ...]:
    """Return, for each layer that took in batch normalizations, how closely it equals them all.

    Args:
        before: The graph ``result`` was made from.
        result: The folds to prove.
        backend: Gives the activations that enter each layer.
        feeds: One input; a real image shows the layers what they will see.

    Raises:
        ParityError: A fold differs by more than rounding; the message names the layer.
    """
    nodes = {str(node.name): node for node in before.model.graph}
    values = {fold.node: fold.value for fold in result.folded}
    blocks = []
    for name, value in values.items():
        gone = [f"'{f.batchnorm}'" for f in result.folded if f.node == name]
        source = str(_data(nodes[name]).name)
        blocks.append(_Block(f"Folding {' and '.join(gone)} into", name, (value,), source))
    return _prove(before, result.graph, blocks, backend, feeds)


def prove_merges(
    before: Graph, result: MergeResult, backend: Backend, feeds: Feeds
) -> tuple[BlockParity, ...]:
    """Return, for each merged convolution, how closely it equals the sum of its branches.

    Args:
        before: The graph ``result`` was made from.
        result: The merges to prove.
        backend: Gives the activations that the branches read.
        feeds: One input; a real image shows the branches what they will see.

    Raises:
        ParityError: A merge differs by more than rounding; the message names the branches.
    """
    nodes = {str(node.name): node for node in before.model.graph}
    blocks = []
    for merged in result.merged:
        names = [*merged.branches, *[merged.source] * merged.identities]
        terms = [str(nodes[name].outputs[0].name) for name in merged.branches]
        terms += [merged.source] * merged.identities
        what = f"Merging {', '.join(repr(name) for name in names)} into"
        blocks.append(_Block(what, merged.node, tuple(terms), merged.source))
    return _prove(before, result.graph, blocks, backend, feeds)


def prove_rewrites(
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
    blocks = []
    for done in result.done:
        gone = ", ".join(f"'{name}'" for name in done.gone)
        what = f"Rewriting {gone} ({done.rule}) into"
        blocks.append(_Block(what, done.node, (done.value,), done.source))
    return _prove(before, result.graph, blocks, backend, feeds)


@dataclass(frozen=True)
class _Block:
    """What is to be equal: the node called ``node`` to the sum of the ``terms`` from before."""

    what: str
    node: str
    terms: tuple[str, ...]
    source: str


def _prove(
    before: Graph, after: Graph, blocks: Sequence[_Block], backend: Backend, feeds: Feeds
) -> tuple[BlockParity, ...]:
    activations = _activations(before, (block.source for block in blocks), backend, feeds)
    old = {v.name: v for node in before.model.graph for v in node.outputs}
    old |= {v.name: v for v in before.model.graph.inputs}
    new = {node.name: node for node in after.model.graph}
    proofs = []
    for block in blocks:
        sources = {block.source: activations[block.source]}
        wanted, *others = [nine_pixels(old[name], sources) for name in block.terms]
        wanted = sum(others, wanted)
        found = nine_pixels(new[block.node].outputs[0], sources)
        proofs.append(_compare(block, wanted, found))
    return tuple(proofs)


def _data(node: ir.Node) -> ir.Value:
    value = node.inputs[0]
    assert value is not None
    return value


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


def _compare(block: _Block, wanted: Region, found: Region) -> BlockParity:
    """Return how closely the node of ``block`` gives what is ``wanted``, or raise."""
    # Float64 itself rounds what is wanted, which shows where branches cancel each other.
    exact = 64 * np.finfo(np.float64).eps * wanted.sizes
    allowed = found.sizes * np.finfo(np.float32).eps + exact + np.finfo(np.float32).tiny
    error = float(np.max(np.abs(wanted.values - found.values) / allowed, initial=0.0))
    if not error <= 1.0:
        raise ParityError(
            f"{block.what} '{block.node}' changed what they compute: expected a difference within "
            f"float32 rounding, found {error:.3g} times that. "
            "The graph from before the rewrite is still good to use."
        )
    return BlockParity(block.node, error)
