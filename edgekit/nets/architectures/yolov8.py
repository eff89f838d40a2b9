"""YOLOv8 by size, as its package saves it.

Source:
    Jocher et al., "Ultralytics YOLOv8" (2023): layers and sizes, no code.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from edgekit.nets.architectures.chain import Chain, aggregate, repeats, scaled
from edgekit.nets.architectures.heads import (
    STRIDES,
    box_branches,
    class_branches,
    class_width,
    expectation,
)
from edgekit.nets.architectures.parts import bottleneck, c2f, sppf
from edgekit.nets.heads.distances import DistanceHead

if TYPE_CHECKING:
    from torch import nn

# Depth, width, and the most channels before the width.
_SIZES = {"n": (0.33, 0.25, 1024), "s": (0.33, 0.5, 1024)}


def build(size: str, classes: int) -> nn.Module:
    """Return the network: predictions ``(N, 4 + classes, A)``, boxes as centre and size.

    Args:
        size: ``n`` or ``s``.
        classes: How many.
    """
    depth, width, most = _SIZES[size]
    widths = [scaled(channels, width, most) for channels in (64, 128, 256, 512, 1024)]
    chain = Chain()
    maps = _backbone(chain, widths, depth)
    maps = aggregate(
        chain,
        maps,
        lambda step: _block(chain, widths[(3, 2, 3, 4)[step]], repeats(3, depth), add=False),
        lambda step: chain.conv(widths[(2, 3)[step]], 3, 2),
    )
    read = [chain.width_of(place) for place in maps]
    scores = class_branches(read, classes, class_width(read[0], classes))
    return chain.network(DistanceHead(box_branches(read), scores, expectation(), STRIDES), maps)


def _backbone(chain: Chain, widths: list[int], depth: float) -> tuple[int, int, int]:
    chain.conv(widths[0], 3, 2)
    maps = []
    for width, count in zip(widths[1:], (3, 6, 6, 3), strict=True):
        chain.conv(width, 3, 2)
        maps.append(_block(chain, width, repeats(count, depth), add=True))
    return maps[1], maps[2], chain.add(sppf(chain.width), chain.width)


def _block(chain: Chain, width: int, count: int, *, add: bool) -> int:
    return chain.add(c2f(chain.width, width, partial(_inner, add=add), count), width)


def _inner(width: int, *, add: bool) -> nn.Module:
    return bottleneck(width, 3, width, add=add)
