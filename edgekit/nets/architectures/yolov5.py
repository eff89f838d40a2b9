"""YOLOv5 by size, as its package saves it: version 6 and later, and 4 to 5.

Source:
    Jocher et al., "YOLOv5" (2020 to 2022): layers and sizes, no code.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from edgekit.nets.architectures.chain import Chain, repeats, scaled
from edgekit.nets.architectures.heads import (
    STRIDES,
    anchor_branches,
    anchors_in_cells,
    anchors_in_pixels,
)
from edgekit.nets.architectures.parts import bottleneck, c3, focus, spp, sppf
from edgekit.nets.heads.anchors import AnchorHead

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

_SIZES = {"n": (0.33, 0.25), "s": (0.33, 0.5)}
ANCHORS = (
    (10, 13, 16, 30, 33, 23),
    (30, 61, 62, 45, 59, 119),
    (116, 90, 156, 198, 373, 326),
)
"""Widths and heights in pixels, a row per map, finest first."""


def build(size: str, classes: int) -> nn.Module:
    """Return the network: predictions ``(N, A, 5 + classes)``, boxes as centre and size.

    Args:
        size: ``n`` or ``s``.
        classes: How many.
    """
    return _build(size, classes, _backbone)[0]


def build_early(size: str, classes: int) -> nn.Module:
    """Return the network of versions 4 and 5: its image spread to channels, poolings in parallel.

    Args:
        size: ``s``.
        classes: How many.
    """
    network, head = _build(size, classes, _early_backbone)
    head.register_buffer("anchor_grid", anchors_in_pixels(ANCHORS))  # stored, and never read
    return network


def _build(
    size: str,
    classes: int,
    backbone: Callable[[Chain, list[int], float], tuple[int, int]],
) -> tuple[nn.Module, AnchorHead]:
    depth, width = _SIZES[size]
    widths = [scaled(channels, width) for channels in (64, 128, 256, 512, 1024)]
    chain = Chain()
    fine, medium = backbone(chain, widths, depth)
    maps = _neck(chain, (fine, medium), widths, repeats(3, depth))
    outputs = anchor_branches([chain.width_of(place) for place in maps], classes)
    head = AnchorHead(outputs, anchors_in_cells(ANCHORS), STRIDES)
    return chain.network(head, maps), head


def _backbone(chain: Chain, widths: list[int], depth: float) -> tuple[int, int]:
    chain.conv(widths[0], 6, 2)
    maps = []
    for width, count in zip(widths[1:], (3, 6, 9, 3), strict=True):
        chain.conv(width, 3, 2)
        maps.append(_block(chain, width, repeats(count, depth), add=True))
    chain.add(sppf(chain.width), chain.width)
    return maps[1], maps[2]


def _early_backbone(chain: Chain, widths: list[int], depth: float) -> tuple[int, int]:
    chain.add(focus(widths[0]), widths[0])
    maps = []
    for width, count in zip(widths[1:4], (3, 9, 9), strict=True):
        chain.conv(width, 3, 2)
        maps.append(_block(chain, width, repeats(count, depth), add=True))
    chain.conv(widths[4], 3, 2)
    chain.add(spp(chain.width), chain.width)
    _block(chain, chain.width, repeats(3, depth), add=False)
    return maps[1], maps[2]


def _neck(
    chain: Chain, maps: tuple[int, int], widths: list[int], count: int
) -> tuple[int, int, int]:
    """Add both paths; the maps joined on the way up are those enlarged on the way down."""
    block = partial(_block, chain, count=count, add=False)
    narrowed = []
    for width, other in zip((widths[3], widths[2]), reversed(maps), strict=True):
        narrowed.append(chain.conv(width))
        chain.upsample()
        chain.concat(chain.last, other)
        block(width)
    places = [chain.last]
    for width, other in zip(widths[2:4], reversed(narrowed), strict=True):
        chain.conv(width, 3, 2)
        chain.concat(chain.last, other)
        places.append(block(2 * width))
    return places[0], places[1], places[2]


def _block(chain: Chain, width: int, count: int, *, add: bool) -> int:
    return chain.add(c3(chain.width, width, partial(_inner, add=add), count), width)


def _inner(width: int, *, add: bool) -> nn.Module:
    return bottleneck(width, 1, width, add=add)
