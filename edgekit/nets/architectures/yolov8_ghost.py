"""YOLOv8 of ghost blocks by size, as its package saves it.

Source:
    Jocher et al., "Ultralytics YOLOv8" (2023), cfg/models/v8/yolov8-ghost.yaml: layers and sizes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

from edgekit.nets.architectures.chain import Chain, aggregate, repeats, scaled
from edgekit.nets.architectures.heads import (
    STRIDES,
    box_branches,
    class_branches,
    class_width,
    expectation,
)
from edgekit.nets.architectures.parts import c3, conv, depthwise, linear, sppf
from edgekit.nets.blocks.ghost import GhostBottleneck, GhostConv
from edgekit.nets.heads.distances import DistanceHead

if TYPE_CHECKING:
    from edgekit.nets.blocks.yolo import ConvBlock

_DEPTH = 0.33
_SIZES = {"n": 0.25, "s": 0.5}


def build(size: str, classes: int) -> nn.Module:
    """Return the network: predictions ``(N, 4 + classes, A)``, boxes as centre and size.

    Args:
        size: ``n`` or ``s``.
        classes: How many.
    """
    widths = [scaled(channels, _SIZES[size]) for channels in (64, 128, 256, 512, 1024)]
    chain = Chain()
    chain.conv(widths[0], 3, 2)
    found = []
    for width, count in zip(widths[1:], (3, 6, 6, 3), strict=True):
        _down(chain, width)
        found.append(_block(chain, width, count))
    coarse = chain.add(sppf(chain.width), chain.width)
    maps = aggregate(
        chain,
        (found[1], found[2], coarse),
        lambda step: _block(chain, widths[(3, 2, 3, 4)[step]], 3),
        lambda step: _down(chain, widths[(2, 3)[step]]),
    )
    read = [chain.width_of(place) for place in maps]
    scores = class_branches(read, classes, class_width(read[0], classes))
    return chain.network(DistanceHead(box_branches(read), scores, expectation(), STRIDES), maps)


def _down(chain: Chain, width: int) -> int:
    return chain.add(GhostConv(*_pair(chain.width, width, 3, 2)), width)


def _block(chain: Chain, width: int, count: int) -> int:
    return chain.add(c3(chain.width, width, _inner, repeats(count, _DEPTH)), width)


def _inner(width: int) -> GhostBottleneck:
    narrow = GhostConv(*_pair(width, width // 2))
    wide = GhostConv(*map(linear, _pair(width // 2, width)))
    return GhostBottleneck(nn.Sequential(narrow, nn.Identity(), wide), nn.Identity())


def _pair(inputs: int, outputs: int, kernel: int = 1, stride: int = 1) -> list[ConvBlock]:
    """Return the convolution of half the ``outputs``, and the cheap one behind it."""
    half = outputs // 2
    return [conv(inputs, half, kernel, stride), depthwise(half, 5)]
