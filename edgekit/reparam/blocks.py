"""Proof of each rewrite on its own, in float64, on activations of the real network.

A whole graph run in float32 hides a small mistake in one layer under the rounding of the others,
and no ONNX runtime computes a float64 convolution at useful speed. One output pixel costs little.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from edgekit.errors import ParityError
from edgekit.reparam.algebra import Linear
from edgekit.reparam.layers import batchnorm_of, linear_of
from edgekit.reparam.parity import evaluate
from edgekit.reparam.pixels import output_pixel, patches, pixels

if TYPE_CHECKING:
    from collections.abc import Iterable

    import onnx_ir as ir
    from numpy.typing import NDArray

    from edgekit.protocols import Backend
    from edgekit.reparam.algebra import Doubles
    from edgekit.reparam.fold import RewriteResult
    from edgekit.reparam.merge import Merged, MergeResult
    from edgekit.reparam.probes import Feeds
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
    old, new = _nodes(before), _nodes(result.graph)
    sources = {f.node: _source(old[f.node]) for f in result.folded}
    values = _activations(before, sources.values(), backend, feeds)
    chains = {name: [old[name]] for name in sources}
    for fold in result.folded:
        chains[fold.node].append(old[fold.batchnorm])
    return tuple(
        _prove_fold(chain, new[name], values[sources[name]]) for name, chain in chains.items()
    )


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
    old, new = _nodes(before), _nodes(result.graph)
    values = _activations(before, (m.source for m in result.merged), backend, feeds)
    return tuple(
        _prove_merge(m, [old[name] for name in m.branches], new[m.node], values[m.source])
        for m in result.merged
    )


def _nodes(graph: Graph) -> dict[str, ir.Node]:
    return {str(node.name): node for node in graph.model.graph}


def _source(node: ir.Node) -> str:
    value = node.inputs[0]
    assert value is not None
    assert value.name
    return value.name


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


@dataclass(frozen=True, eq=False)
class _Nine:
    """Nine output pixels ``(9, channels)``, or fewer where the output is small.

    Attributes:
        values: What they are.
        sizes: What they would be were every number in them positive: what rounding grows with.
    """

    values: Doubles
    sizes: Doubles

    def __add__(self, other: _Nine) -> _Nine:
        return _Nine(self.values + other.values, self.sizes + other.sizes)


def _through_layer(node: ir.Node, activation: Doubles) -> _Nine:
    layer = linear_of(node)
    assert layer is not None
    absolute = Linear(np.abs(layer.weight), np.abs(layer.bias))
    seen = list(patches(node, layer, activation))
    return _Nine(
        np.array([output_pixel(node, layer, patch) for patch in seen]),
        np.array([output_pixel(node, absolute, np.abs(patch)) for patch in seen]),
    )


def _through_batchnorm(node: ir.Node, before: _Nine) -> _Nine:
    bn = batchnorm_of(node)
    assert bn is not None
    offset = np.abs(bn.beta) + np.abs(bn.mean * bn.scale)
    return _Nine(bn.shifted(before.values), before.sizes * np.abs(bn.scale) + offset)


def _untouched(activation: Doubles) -> _Nine:
    values = np.array(list(pixels(activation)))
    return _Nine(values, np.abs(values))


def _prove_fold(nodes: list[ir.Node], folded: ir.Node, activation: Doubles) -> BlockParity:
    layer, *batchnorms = nodes
    wanted = _through_layer(layer, activation)
    for batchnorm in batchnorms:
        wanted = _through_batchnorm(batchnorm, wanted)
    names = " and ".join(f"'{node.name}'" for node in batchnorms)
    return _compare(f"Folding {names} into", folded, wanted, activation)


def _prove_merge(
    merged: Merged, branches: list[ir.Node], conv: ir.Node, activation: Doubles
) -> BlockParity:
    same = [_untouched(activation)] * merged.identities
    wanted, *others = [_through_branch(node, activation) for node in branches] + same
    for other in others:
        wanted += other
    names = [f"'{name}'" for name in merged.branches] + [f"'{merged.source}'"] * merged.identities
    return _compare(f"Merging {', '.join(names)} into", conv, wanted, activation)


def _through_branch(node: ir.Node, activation: Doubles) -> _Nine:
    if node.op_type == "BatchNormalization":
        return _through_batchnorm(node, _untouched(activation))
    return _through_layer(node, activation)


def _compare(what: str, node: ir.Node, wanted: _Nine, activation: Doubles) -> BlockParity:
    """Return how closely ``node`` gives what is ``wanted``, or raise."""
    found = _through_layer(node, activation)
    # Float64 itself rounds what is wanted, which shows where branches cancel each other.
    exact = 64 * np.finfo(np.float64).eps * wanted.sizes
    allowed = found.sizes * np.finfo(np.float32).eps + exact + np.finfo(np.float32).tiny
    error = float(np.max(np.abs(wanted.values - found.values) / allowed, initial=0.0))
    if not error <= 1.0:
        raise ParityError(
            f"{what} '{node.name}' changed what they compute: expected a difference within "
            f"float32 rounding, found {error:.3g} times that. "
            "The graph from before the rewrite is still good to use."
        )
    return BlockParity(node.name or "", error)
