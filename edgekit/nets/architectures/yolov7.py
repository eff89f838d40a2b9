"""YOLOv7 and YOLOv7-tiny, as their package saves them.

Source:
    Wang et al., "YOLOv7: Trainable Bag-of-Freebies Sets New State-of-the-Art for Real-Time
    Object Detectors" (CVPR 2023).
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import nn

from edgekit.nets.architectures.chain import Chain
from edgekit.nets.architectures.heads import (
    STRIDES,
    anchor_branches,
    anchors_in_cells,
    anchors_in_pixels,
)
from edgekit.nets.architectures.parts import conv
from edgekit.nets.blocks.yolov7 import Implicit, Pooled, SppCspc
from edgekit.nets.blocks.yolov9 import SummedBranches
from edgekit.nets.heads.anchors import AnchorHead, ImplicitAnchorHead

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edgekit.nets.networks.routed import RoutedNetwork

_ANCHORS = (
    (12, 16, 19, 36, 40, 28),
    (36, 75, 76, 55, 72, 146),
    (142, 110, 192, 243, 459, 401),
)
_TINY_ANCHORS = (
    (10, 13, 16, 30, 33, 23),
    (30, 61, 62, 45, 59, 119),
    (116, 90, 156, 198, 373, 326),
)


def build(size: str, classes: int) -> nn.Module:
    """Return the network: predictions ``(N, A, 5 + classes)``, boxes as centre and size.

    Args:
        size: Empty for YOLOv7 itself, or ``tiny``.
        classes: How many.
    """
    return _build(size, classes, implicit=False)


def build_training(size: str, classes: int) -> nn.Module:
    """Return the same with the learned numbers around the head that it is trained with."""
    return _build(size, classes, implicit=True)


def _build(size: str, classes: int, *, implicit: bool) -> RoutedNetwork:
    tiny = size == "tiny"
    chain = Chain(partial(nn.LeakyReLU, 0.1) if tiny else nn.SiLU)
    maps = (_tiny if tiny else _full)(chain)
    widths = [chain.width_of(place) for place in maps]
    pixels = _TINY_ANCHORS if tiny else _ANCHORS
    return chain.network(_head(widths, classes, pixels, implicit=implicit), maps)


def _head(
    widths: Sequence[int], classes: int, pixels: Sequence[Sequence[int]], *, implicit: bool
) -> AnchorHead:
    """Return the head; the anchors in pixels that the package stores as well are never read."""
    m, anchors = anchor_branches(widths, classes), anchors_in_cells(pixels)
    head = AnchorHead(m, anchors, STRIDES)
    if implicit:
        before = [Implicit(torch.zeros(1, width, 1, 1), multiplies=False) for width in widths]
        outputs = 3 * (5 + classes)
        behind = [Implicit(torch.ones(1, outputs, 1, 1), multiplies=True) for _ in widths]
        ia, im = nn.ModuleList(before), nn.ModuleList(behind)
        head = ImplicitAnchorHead(m, anchors, STRIDES, ia=ia, im=im)
    head.register_buffer("anchor_grid", anchors_in_pixels(pixels))
    return head


def _full(chain: Chain) -> tuple[int, int, int]:
    for width, kernel, stride in ((32, 3, 1), (64, 3, 2), (64, 3, 1), (128, 3, 2)):
        chain.conv(width, kernel, stride)
    _elan(chain, 64, 256)
    maps = []
    for down, hidden, width in ((128, 128, 512), (256, 256, 1024), (512, 256, 1024)):
        _transition(chain, down)
        maps.append(_elan(chain, hidden, width))
    pooled = chain.add(_spp(chain.width, 512), 512)
    _enlarged(chain, 256, maps[1])
    medium = _wide_elan(chain, 256)
    _enlarged(chain, 128, maps[0])
    fine = _wide_elan(chain, 128)
    _transition(chain, 128, medium)
    medium = _wide_elan(chain, 256)
    _transition(chain, 256, pooled)
    coarse = _wide_elan(chain, 512)
    places = [_rep_conv(chain, place) for place in (fine, medium, coarse)]
    return places[0], places[1], places[2]


def _tiny(chain: Chain) -> tuple[int, int, int]:
    chain.conv(32, 3, 2)
    chain.conv(64, 3, 2)
    _short_elan(chain, 32, 64)
    maps = []
    for hidden in (64, 128, 256):
        chain.add(Pooled(nn.MaxPool2d(2, 2)), chain.width)
        maps.append(_short_elan(chain, hidden, 2 * hidden))
    pooled = _pyramid_of_pools(chain, 256)
    _enlarged(chain, 128, maps[1])
    medium = _short_elan(chain, 64, 128)
    _enlarged(chain, 64, maps[0])
    fine = _short_elan(chain, 32, 64)
    chain.concat(chain.conv(128, 3, 2), medium)
    medium = _short_elan(chain, 64, 128)
    chain.concat(chain.conv(256, 3, 2), pooled)
    coarse = _short_elan(chain, 128, 256)
    places = [chain.conv(2 * chain.width_of(at), 3, 1, at) for at in (fine, medium, coarse)]
    return places[0], places[1], places[2]


def _elan(chain: Chain, hidden: int, width: int) -> int:
    """Add the block of the backbone: two of every four stacked layers are joined."""
    right, left = _split(chain, hidden)
    stacked = [chain.conv(hidden, 3) for _ in range(4)]
    chain.concat(stacked[3], stacked[1], left, right)
    return chain.conv(width)


def _wide_elan(chain: Chain, width: int) -> int:
    """Add the block of the neck: all stacked layers, half as wide, are joined."""
    right, left = _split(chain, width)
    stacked = [chain.conv(width // 2, 3) for _ in range(4)]
    chain.concat(*reversed(stacked), left, right)
    return chain.conv(width)


def _short_elan(chain: Chain, hidden: int, width: int) -> int:
    right, left = _split(chain, hidden)
    stacked = [chain.conv(hidden, 3) for _ in range(2)]
    chain.concat(*reversed(stacked), left, right)
    return chain.conv(width)


def _split(chain: Chain, width: int) -> tuple[int, int]:
    """Add two convolutions of the same map, and return their places."""
    start = chain.last
    return chain.conv(width), chain.conv(width, reads=start)


def _transition(chain: Chain, width: int, *joined: int) -> int:
    """Halve the map by pooling and by a convolution, and join both and the maps at ``joined``."""
    start = chain.last
    chain.add(Pooled(nn.MaxPool2d(2, 2)), chain.width)
    pooled = chain.conv(width)
    chain.conv(width, reads=start)
    return chain.concat(chain.conv(width, 3, 2), pooled, *joined)


def _enlarged(chain: Chain, width: int, other: int) -> int:
    """Enlarge the map, and join the one at ``other`` before it, both at ``width``."""
    chain.conv(width)
    enlarged = chain.upsample()
    return chain.concat(chain.conv(width, reads=other), enlarged)


def _pyramid_of_pools(chain: Chain, width: int) -> int:
    aside, start = _split(chain, width)
    pools = [chain.add(_pool(size), width, start) for size in (5, 9, 13)]
    chain.concat(*reversed(pools), start)
    chain.concat(chain.conv(width), aside)
    return chain.conv(width)


def _pool(size: int) -> Pooled:
    return Pooled(nn.MaxPool2d(size, 1, size // 2))


def _spp(inputs: int, width: int) -> SppCspc:
    pools = nn.ModuleList(nn.MaxPool2d(size, 1, size // 2) for size in (5, 9, 13))
    return SppCspc(
        pools,
        cv1=conv(inputs, width),
        cv2=conv(inputs, width),
        cv3=conv(width, width, 3),
        cv4=conv(width, width),
        cv5=conv(4 * width, width),
        cv6=conv(width, width, 3),
        cv7=conv(2 * width, width),
    )


def _rep_conv(chain: Chain, place: int) -> int:
    """Add parallel convolutions that double the width of the map at ``place``."""
    inputs = chain.width_of(place)
    branches = {
        name: nn.Sequential(*list(conv(inputs, 2 * inputs, kernel).children())[:2])
        for name, kernel in (("rbr_dense", 3), ("rbr_1x1", 1))
    }
    return chain.add(SummedBranches(nn.SiLU(), **branches), 2 * inputs, place)
