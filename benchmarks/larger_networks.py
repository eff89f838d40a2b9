"""Sizes of published families beyond those edgekit loads: for counting their work, nothing else."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import torch
from torch import Tensor, nn

from edgekit.nets.architectures import yolov6, yolov8
from edgekit.nets.architectures.chain import Chain, aggregate, repeats, scaled
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
    from collections.abc import Callable, Mapping

CLASSES = 80

# Depth, width, and the most channels before the width; as their packages print them.
_YOLOV8 = {"m": (0.67, 0.75, 768), "l": (1.0, 1.0, 512), "x": (1.0, 1.25, 512)}
_YOLO26 = {"n": (0.5, 0.25, 1024), "s": (0.5, 0.5, 1024)}
_YOLO11 = {"m": (0.5, 1.0, 512), "l": (1.0, 1.0, 512), "x": (1.0, 1.5, 512)}
_YOLO26 |= _YOLO11


def yolo11_larger(size: str) -> nn.Module:
    """Return YOLO11 m, l or x, whose blocks are nested everywhere."""
    depth, width, most = _YOLO11[size]
    widths = [scaled(channels, width, most) for channels in (64, 128, 256, 512, 1024)]
    count = repeats(2, depth)
    chain = Chain()
    maps = aggregate(
        chain,
        _backbone11(chain, widths, count),
        lambda step: _block11(chain, widths[(3, 2, 3, 4)[step]], count),
        lambda step: chain.conv(widths[(2, 3)[step]], 3, 2),
    )
    read = [chain.width_of(place) for place in maps]
    scores = slim_class_branches(read, CLASSES, class_width(read[0], CLASSES))
    return chain.network(DistanceHead(box_branches(read), scores, expectation(), STRIDES), maps)


def _backbone11(
    chain: Chain, widths: list[int], count: int, *, large: bool = True
) -> tuple[int, int, int]:
    chain.conv(widths[0], 3, 2)
    maps = []
    for stage in range(4):
        chain.conv(widths[stage + 1], 3, 2)
        cheap = stage < 2
        width = widths[stage + 2] if cheap else chain.width
        inner = _nested if large or not cheap else _narrow
        part = 0.25 if cheap else 0.5
        maps.append(chain.add(c2f(chain.width, width, inner, count, part), width))
    chain.add(sppf(chain.width), chain.width)
    half = chain.width // 2
    blocks = (PsaBlock(attention(half), mixing(half), add=True) for _ in range(count))
    psa = C2Psa(conv(chain.width, 2 * half), conv(2 * half, chain.width), nn.Sequential(*blocks))
    return maps[1], maps[2], chain.add(psa, chain.width)


def _block11(chain: Chain, width: int, count: int) -> int:
    return chain.add(c2f(chain.width, width, _nested, count), width)


def _narrow(width: int) -> nn.Module:
    return bottleneck(width, 3, width // 2, add=True)


def _nested(width: int) -> nn.Module:
    return c3(width, width, lambda inner: bottleneck(inner, 3, inner, add=True), 2)


def yolo26(size: str) -> nn.Module:
    """Return YOLO26 of a size: YOLO11 whose boxes come without bins, nested behind the backbone.

    Its second head, of training, is left out, and so is what picks the best 300 of its boxes.
    """
    depth, width, most = _YOLO26[size]
    widths = [scaled(channels, width, most) for channels in (64, 128, 256, 512, 1024)]
    count, large = repeats(2, depth), size in _YOLO11
    chain = Chain()
    maps = aggregate(
        chain,
        _backbone11(chain, widths, count, large=large),
        lambda step: _neck26(chain, widths[(3, 2, 3, 4)[step]], count, last=step == 3),
        lambda step: chain.conv(widths[(2, 3)[step]], 3, 2),
    )
    read = [chain.width_of(place) for place in maps]
    hidden = max(16, read[0] // 4)
    boxes = nn.ModuleList(
        nn.Sequential(conv(one, hidden, 3), conv(hidden, hidden, 3), nn.Conv2d(hidden, 4, 1))
        for one in read
    )
    scores = slim_class_branches(read, CLASSES, class_width(read[0], CLASSES))
    return chain.network(_Flat(boxes, scores), maps)


class _Flat(nn.Module):
    """The distances and scores of every cell, as they are."""

    def __init__(self, boxes: nn.ModuleList, scores: nn.ModuleList) -> None:
        super().__init__()
        self.boxes = boxes
        self.scores = scores

    def forward(self, maps: list[Tensor]) -> Tensor:
        """Return ``(N, 4 + classes, A)``."""
        parts = zip(self.boxes, self.scores, maps, strict=True)
        return torch.cat([torch.cat([b(x), s(x).sigmoid()], 1).flatten(2) for b, s, x in parts], 2)


def _neck26(chain: Chain, width: int, count: int, *, last: bool) -> int:
    if not last:
        return _block11(chain, width, count)
    return chain.add(c2f(chain.width, width, _attended, 1), width)


def _attended(width: int) -> nn.Module:
    narrow = bottleneck(width, 3, width // 2, add=True)
    return nn.Sequential(narrow, PsaBlock(attention(width), mixing(width), add=True))


def _resized(module: Any, sizes: Mapping[str, Any], size: str) -> nn.Module:
    """Return what ``module`` builds when it knows ``sizes`` too."""
    with patch.dict(vars(module)["_SIZES"], sizes):
        network: nn.Module = module.build(size, CLASSES)
    return network


def _yolov6t() -> nn.Module:
    """Return YOLOv6-T of release 0.2: as wide as S, and less deep."""
    with patch.object(yolov6, "_DEPTH", 0.25):
        return _resized(yolov6, {"t": 0.5}, "t-0.2")


LARGER: dict[str, Callable[[], nn.Module]] = {
    **{f"yolov8{size}": partial(_resized, yolov8, _YOLOV8, size) for size in _YOLOV8},
    **{f"yolo11{size}": partial(yolo11_larger, size) for size in _YOLO11},
    **{f"yolo26{size}": partial(yolo26, size) for size in _YOLO26},
    "yolov6t-0.2": _yolov6t,
}
"""Networks by name, of 80 classes, for images of 640 pixels."""

GMACS = {
    "yolov8m": 39.45,
    "yolov8l": 82.6,
    "yolov8x": 128.9,
    "yolo11m": 34.0,
    "yolo11l": 43.45,
    "yolo11x": 97.45,
    "yolov6t-0.2": 18.35,
    "yolo26n": 2.7,
    "yolo26s": 10.35,
    "yolo26m": 34.1,
    "yolo26l": 43.2,
    "yolo26x": 96.95,
}
"""Thousand millions of multiply-accumulates, half of the "FLOPs" on the pages of the families."""
