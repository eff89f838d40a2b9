"""YOLOv5-Lite by size, as its package saves it.

Source:
    ppogg, "YOLOv5-Lite" (2021), models/v5Lite-s.yaml: layers and sizes, no code.
"""

from __future__ import annotations

from torch import nn

from edgekit.nets.architectures.chain import Chain
from edgekit.nets.architectures.heads import (
    STRIDES,
    anchor_branches,
    anchors_in_cells,
    anchors_in_pixels,
)
from edgekit.nets.architectures.parts import bottleneck, c3
from edgekit.nets.architectures.yolov5 import ANCHORS
from edgekit.nets.blocks.shuffle import PooledStem, ShuffleBlock
from edgekit.nets.heads.anchors import AnchorHead

_EPS = 1e-3
# Of the stem and the stages: multiples of 8, which makes 120 of ShuffleNet's 116.
_SIZES = {"s": (32, 120, 232, 464)}
_DEPTHS = (3, 7, 3)


def build(size: str, classes: int) -> nn.Module:
    """Return the network: predictions ``(N, A, 5 + classes)``, boxes as centre and size.

    Args:
        size: ``s``.
        classes: How many.
    """
    first, *widths = _SIZES[size]
    chain = Chain()
    stem = nn.Sequential(*_conv(3, first, 3, 2), nn.ReLU())
    chain.add(PooledStem(stem, nn.MaxPool2d(3, 2, 1)), first)
    fine, medium, _ = (_stage(chain, *of) for of in zip(widths, _DEPTHS, strict=True))
    maps = _neck(chain, fine, medium)
    outputs = anchor_branches([chain.width_of(place) for place in maps], classes)
    head = AnchorHead(outputs, anchors_in_cells(ANCHORS), STRIDES)
    head.register_buffer("anchor_grid", anchors_in_pixels(ANCHORS))  # stored, and never read
    return chain.network(head, maps)


def _stage(chain: Chain, width: int, depth: int) -> int:
    chain.add(_shuffle(chain.width, width, 2), width)
    return chain.add(nn.Sequential(*(_shuffle(width, width, 1) for _ in range(depth))), width)


def _shuffle(inputs: int, outputs: int, stride: int) -> ShuffleBlock:
    half = outputs // 2
    read = inputs if stride > 1 else half
    first = [*_conv(read, half), nn.ReLU(), *_conv(half, half, 3, stride, half)]
    branch2 = nn.Sequential(*first, *_conv(half, half), nn.ReLU())
    if stride == 1:
        return ShuffleBlock(branch2)
    shrunk = _conv(inputs, inputs, 3, stride, inputs)
    return ShuffleBlock(branch2, nn.Sequential(*shrunk, *_conv(inputs, half), nn.ReLU()))


def _conv(
    inputs: int, outputs: int, kernel: int = 1, stride: int = 1, groups: int = 1
) -> tuple[nn.Conv2d, nn.BatchNorm2d]:
    conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
    return conv, nn.BatchNorm2d(outputs, eps=_EPS)


def _neck(chain: Chain, fine: int, medium: int) -> tuple[int, int, int]:
    """Add both paths; the maps joined on the way up are those enlarged on the way down."""
    narrowed = []
    for width, other in ((128, medium), (64, fine)):
        narrowed.append(chain.conv(width))
        chain.upsample()
        chain.concat(chain.last, other)
        _block(chain, width)
    places = [chain.last]
    for width, other in zip((64, 128), reversed(narrowed), strict=True):
        chain.conv(width, 3, 2)
        chain.concat(chain.last, other)
        places.append(_block(chain, 2 * width))
    return places[0], places[1], places[2]


def _block(chain: Chain, width: int) -> int:
    return chain.add(c3(chain.width, width, _inner, 1), width)


def _inner(width: int) -> nn.Module:
    return bottleneck(width, 1, width, add=False)
