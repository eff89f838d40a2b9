"""RepVGG by size, as its package saves it before the branches are merged.

Source:
    Ding et al., "RepVGG" (CVPR 2021), table 2.
"""

from __future__ import annotations

from functools import partial

from torch import nn

from edgekit.nets.architectures.rep_layers import rep_layer
from edgekit.nets.networks.repvgg_classifier import RepVggClassifier

_DEPTHS = (2, 4, 14, 1)
_SIZES = {"a0": (0.75, 2.5), "a1": (1.0, 2.5), "a2": (1.5, 2.75)}
_rep = partial(rep_layer, eps=1e-5)


def build(size: str, classes: int) -> nn.Module:
    """Return the classifier, a backbone by its ``features``.

    Args:
        size: ``a0``, ``a1`` or ``a2``.
        classes: How many it tells apart; 1000 in the published files.
    """
    by, last = _SIZES[size]
    widths = [int(64 * by), int(128 * by), int(256 * by), int(512 * last)]
    first = min(64, widths[0])
    inputs = (first, *widths[:-1])
    stages = {
        f"stage{at + 1}": _stage(*shape)
        for at, shape in enumerate(zip(inputs, widths, _DEPTHS, strict=True))
    }
    return RepVggClassifier(_rep(3, first, 2), nn.Linear(widths[-1], classes), **stages)


def _stage(inputs: int, width: int, depth: int) -> nn.Sequential:
    more = (_rep(width, width) for _ in range(depth - 1))
    return nn.Sequential(_rep(inputs, width, 2), *more)
