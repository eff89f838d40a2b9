"""Proof of each fold on its own, in float64, on activations of the real network.

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
from edgekit.reparam.pixels import output_pixel, patches

if TYPE_CHECKING:
    import onnx_ir as ir
    from numpy.typing import NDArray

    from edgekit.protocols import Backend
    from edgekit.reparam.fold import RewriteResult
    from edgekit.reparam.probes import Feeds
    from edgekit.values import Graph


@dataclass(frozen=True)
class BlockParity:
    """How closely one folded layer equals the pair it replaces, in float64.

    Attributes:
        node: Name of the layer.
        error: Largest difference over its allowance. The allowance is what rounding the folded
            weights to float32 can do: at most 1 by construction, far more for a wrong fold.
    """

    node: str
    error: float


def prove_folds(
    before: Graph, result: RewriteResult, backend: Backend, feeds: Feeds
) -> tuple[BlockParity, ...]:
    """Return, for each fold, how closely it equals the two layers it replaces.

    Args:
        before: The graph ``result`` was made from.
        result: The folds to prove.
        backend: Gives the activations that enter each layer.
        feeds: One input; a real image shows the layers what they will see.

    Raises:
        ParityError: A fold differs by more than rounding; the message names the layer.
    """
    old = {node.name: node for node in before.model.graph}
    new = {node.name: node for node in result.graph.model.graph}
    sources = {f.node: _source(old[f.node]) for f in result.folded}
    computed = sorted(set(sources.values()) - set(feeds))
    values = dict(feeds)
    if computed:
        values |= evaluate(before, computed, backend, [feeds])[0]
    return tuple(
        _prove(old[f.node], old[f.batchnorm], new[f.node], values[sources[f.node]])
        for f in result.folded
    )


def _source(node: ir.Node) -> str:
    value = node.inputs[0]
    assert value is not None
    assert value.name
    return value.name


def _prove(
    node: ir.Node, batchnorm: ir.Node, folded: ir.Node, activation: NDArray[np.generic]
) -> BlockParity:
    bn, pair, single = batchnorm_of(batchnorm), linear_of(node), linear_of(folded)
    assert bn is not None
    assert pair is not None
    assert single is not None
    errors = [0.0]
    for patch in patches(node, single, activation.astype(np.float64)):
        wanted = bn.shifted(output_pixel(node, pair, patch))
        got = output_pixel(node, single, patch)
        size = output_pixel(node, _absolute(single), np.abs(patch))
        allowed = size * np.finfo(np.float32).eps + np.finfo(np.float32).tiny
        errors.append(float(np.max(np.abs(wanted - got) / allowed)))
    error = max(errors)
    if not error <= 1.0:
        raise ParityError(
            f"Folding '{batchnorm.name}' into '{node.name}' changed what they compute: expected "
            f"a difference within float32 rounding, found {error:.3g} times that. "
            "The graph from before the fold is still good to use."
        )
    return BlockParity(node.name or "", error)


def _absolute(layer: Linear) -> Linear:
    return Linear(np.abs(layer.weight), np.abs(layer.bias))
