"""YOLO11 by size, as its package saves it.

Source:
    Jocher and Qiu, "Ultralytics YOLO11" (2024): layers and sizes, no code.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

from edgekit.nets.architectures.chain import Chain, aggregate, scaled
from edgekit.nets.architectures.heads import (
    STRIDES,
    box_branches,
    class_width,
    expectation,
    slim_class_branches,
)
from edgekit.nets.architectures.parts import bottleneck, c2f, c3, conv, sppf
from edgekit.nets.architectures.yolov10 import attention, mixing
from edgekit.nets.blocks.yolo11 import C2Psa, PsaBlock
from edgekit.nets.heads.distances import DistanceHead

if TYPE_CHECKING:
    from edgekit.nets.blocks.yolo import Bottleneck

# Width; the sizes above these are deeper and nest blocks everywhere.
_SIZES = {"n": 0.25, "s": 0.5}


def build(size: str, classes: int) -> nn.Module:
    """Return the network: predictions ``(N, 4 + classes, A)``, boxes as centre and size.

    Args:
        size: ``n`` or ``s``.
        classes: How many.
    """
    widths = [scaled(channels, _SIZES[size], 1024) for channels in (64, 128, 256, 512, 1024)]
    chain = Chain()
    maps = aggregate(
        chain,
        _backbone(chain, widths),
        lambda step: _block(chain, widths[(3, 2, 3, 4)[step]], nested=step == 3),
        lambda step: chain.conv(widths[(2, 3)[step]], 3, 2),
    )
    read = [chain.width_of(place) for place in maps]
    scores = slim_class_branches(read, classes, class_width(read[0], classes))
    return chain.network(DistanceHead(box_branches(read), scores, expectation(), STRIDES), maps)


def _backbone(chain: Chain, widths: list[int]) -> tuple[int, int, int]:
    """Add four stages, the first two of which are cheap inside and wide at their end."""
    chain.conv(widths[0], 3, 2)
    maps = []
    for stage in range(4):
        chain.conv(widths[stage + 1], 3, 2)
        cheap = stage < 2
        width = widths[stage + 2] if cheap else chain.width
        maps.append(_block(chain, width, 0.25 if cheap else 0.5, nested=not cheap))
    chain.add(sppf(chain.width), chain.width)
    half = chain.width // 2
    inner = nn.Sequential(PsaBlock(attention(half), mixing(half), add=True))
    psa = C2Psa(conv(chain.width, 2 * half), conv(2 * half, chain.width), inner)
    return maps[1], maps[2], chain.add(psa, chain.width)


def _block(chain: Chain, width: int, part: float = 0.5, *, nested: bool) -> int:
    inner = _nested if nested else _narrow
    return chain.add(c2f(chain.width, width, inner, 1, part), width)


def _narrow(width: int) -> Bottleneck:
    return bottleneck(width, 3, width // 2, add=True)


def _nested(width: int) -> nn.Module:
    return c3(width, width, _straight, 2)


def _straight(width: int) -> Bottleneck:
    return bottleneck(width, 3, width, add=True)
