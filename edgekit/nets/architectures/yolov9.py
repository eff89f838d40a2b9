"""YOLOv9 by size, in the three layouts its weights are found in.

Source:
    Wang et al., "YOLOv9: Learning What You Want to Learn Using Programmable Gradient
    Information" (ECCV 2024).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import nn

from edgekit.nets.architectures.chain import Chain, aggregate
from edgekit.nets.architectures.heads import (
    STRIDES,
    box_branches,
    class_branches,
    class_width,
    expectation,
)
from edgekit.nets.architectures.parts import c3, conv, linear
from edgekit.nets.blocks.yolo import Bottleneck
from edgekit.nets.blocks.yolov9 import (
    AverageConv,
    AverageDown,
    Elan4,
    Fuse,
    Routes,
    SppElan,
    SummedBranches,
)
from edgekit.nets.heads.distances import DistanceHead, MainDistanceHead

if TYPE_CHECKING:
    from collections.abc import Sequence

_GROUPS = 4  # of the box branches


@dataclass(frozen=True)
class _Size:
    """Widths of a network.

    Attributes:
        stem: Of the two first convolutions.
        first: Inside and at the end of the block before the first map.
        stages: Of what halves the map, inside the block behind it, and at its end; finest first.
        neck: At the end of the blocks that the head reads.
        downs: Of what halves the map in the neck.
        repeats: Of inner blocks.
        small: Halves maps with one convolution, and has a plain first block.
    """

    stem: tuple[int, int]
    first: tuple[int, int]
    stages: tuple[tuple[int, int, int], ...]
    neck: tuple[int, int, int]
    downs: tuple[int, int]
    repeats: int
    small: bool


def _small(times: int) -> _Size:
    widths = tuple(times * width for width in (64, 96, 128))
    return _Size(
        stem=(16 * times, 32 * times),
        first=(32 * times, 32 * times),
        stages=tuple((width, width, width) for width in widths),
        neck=(widths[0], widths[1], widths[2]),
        downs=(48 * times, 64 * times),
        repeats=3,
        small=True,
    )


_SIZES = {
    "t": _small(1),
    "s": _small(2),
    "c": _Size(
        stem=(64, 128),
        first=(128, 256),
        stages=((256, 256, 512), (512, 512, 512), (512, 512, 512)),
        neck=(256, 512, 512),
        downs=(256, 512),
        repeats=1,
        small=False,
    ),
}


def build(size: str, classes: int) -> nn.Module:
    """Return the network as it is trained: ``(N, 4 + classes, A)``, boxes as centre and size.

    The auxiliary branch, and the head's part that reads it, are kept and never run.

    Args:
        size: ``t``, ``s`` or ``c``.
        classes: How many.
    """
    chain, sizes = Chain(), _SIZES[size]
    if not sizes.small:
        chain.add(nn.Identity(), 3)
    backbone, maps = _main(chain, sizes)
    others = (_short_auxiliary if sizes.small else _auxiliary)(chain, sizes, backbone)
    read, unread = ([chain.width_of(place) for place in of] for of in (maps, others))
    boxes, scores = _branches(read, classes)
    head = MainDistanceHead(boxes, scores, expectation(), STRIDES)
    head.cv2, head.cv3 = _branches(unread, classes)
    head.dfl = expectation()
    return chain.network(head, maps)


def build_converted(size: str, classes: int) -> nn.Module:
    """Return the network without its auxiliary branch: also known as GELAN."""
    chain = Chain()
    _, maps = _main(chain, _SIZES[size])
    boxes, scores = _branches([chain.width_of(place) for place in maps], classes)
    return chain.network(DistanceHead(boxes, scores, expectation(), STRIDES), maps)


def build_ported(size: str, classes: int) -> nn.Module:
    """Return the network with the head of YOLOv8, as the package of that one trains it."""
    chain = Chain()
    _, maps = _main(chain, _SIZES[size])
    read = [chain.width_of(place) for place in maps]
    scores = class_branches(read, classes, class_width(read[0], classes))
    return chain.network(DistanceHead(box_branches(read), scores, expectation(), STRIDES), maps)


def _branches(widths: Sequence[int], classes: int) -> tuple[nn.ModuleList, nn.ModuleList]:
    hidden = max(widths[0], min(2 * classes, 128))
    return box_branches(widths, _GROUPS), class_branches(widths, classes, hidden)


def _main(chain: Chain, sizes: _Size) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    """Add backbone and neck; return the places of the backbone's maps, and of the neck's."""
    backbone = _backbone(chain, sizes)
    _pools(chain, sizes, chain.last)
    maps = aggregate(
        chain,
        (backbone[0], backbone[1], chain.last),
        lambda step: _elan(chain, sizes.neck[(1, 0, 1, 2)[step]], sizes),
        lambda step: _down(chain, sizes.downs[step], sizes),
    )
    return backbone, maps


def _backbone(chain: Chain, sizes: _Size) -> tuple[int, int, int]:
    """Add what leads from the image to three maps, and return their places."""
    for width in sizes.stem:
        chain.conv(width, 3, 2)
    _first(chain, sizes)
    places = []
    for down, inner, width in sizes.stages:
        _down(chain, down, sizes)
        places.append(_elan(chain, width, sizes, inner))
    return places[0], places[1], places[2]


def _first(chain: Chain, sizes: _Size) -> int:
    inner, width = sizes.first
    if not sizes.small:
        return _elan(chain, width, sizes, inner)
    half = inner // 2
    block = Elan4(
        conv(chain.width, inner), conv(half, half, 3), conv(half, half, 3), conv(2 * inner, width)
    )
    return chain.add(block, width)


def _pools(chain: Chain, sizes: _Size, reads: int) -> int:
    width = sizes.stages[-1][-1]
    half = width // 2
    pools = {name: nn.MaxPool2d(5, 1, 2) for name in ("cv2", "cv3", "cv4")}
    block = SppElan(conv(chain.width_of(reads), half), conv(4 * half, width), **pools)
    return chain.add(block, width, reads)


def _down(chain: Chain, width: int, sizes: _Size) -> int:
    if sizes.small:
        return chain.add(AverageConv(conv(chain.width, width, 3, 2)), width)
    inputs, half = chain.width // 2, width // 2
    return chain.add(AverageDown(conv(inputs, half, 3, 2), conv(inputs, half)), width)


def _elan(chain: Chain, width: int, sizes: _Size, inner: int | None = None) -> int:
    inner = inner or width
    half = inner // 2
    nested = [
        nn.Sequential(c3(half, half, _bottleneck, sizes.repeats), conv(half, half, 3))
        for _ in range(2)
    ]
    block = Elan4(conv(chain.width, inner), nested[0], nested[1], conv(2 * inner, width))
    return chain.add(block, width)


def _bottleneck(width: int) -> Bottleneck:
    branches = {"conv1": linear(conv(width, width, 3)), "conv2": linear(conv(width, width))}
    return Bottleneck(SummedBranches(nn.SiLU(), **branches), conv(width, width, 3), add=True)


def _short_auxiliary(
    chain: Chain, sizes: _Size, backbone: tuple[int, int, int]
) -> tuple[int, int, int]:
    """Add a second path down the pyramid, and return its maps, finest first."""
    fine, medium, coarse = backbone
    third = _pools(chain, sizes, coarse)
    chain.upsample()
    chain.concat(chain.last, medium)
    second = _elan(chain, sizes.neck[1], sizes)
    chain.upsample()
    chain.concat(chain.last, fine)
    return _elan(chain, sizes.neck[0], sizes), second, third


def _auxiliary(chain: Chain, sizes: _Size, backbone: tuple[int, int, int]) -> tuple[int, int, int]:
    """Add a second backbone that is fed from all maps of the first, and return its maps."""
    widths = tuple(stage[0] for stage in sizes.stages)
    routes = []
    for level, place in enumerate(backbone):
        parts = widths[: level + 1]
        layer = Routes(nn.Conv2d(chain.width_of(place), sum(parts), 1), c2s=parts)
        routes.append(chain.add(layer, sum(parts), place))
    chain.add(conv(3, sizes.stem[0], 3, 2), sizes.stem[0], 0)
    chain.conv(sizes.stem[1], 3, 2)
    _first(chain, sizes)
    places = []
    for level, (down, inner, width) in enumerate(sizes.stages):
        _down(chain, down, sizes)
        fused = Fuse(idx=(level,) * (3 - level))
        chain.add(fused, down, (*routes[level:], chain.last))
        places.append(_elan(chain, width, sizes, inner))
    return places[0], places[1], places[2]
