"""YOLOv10 by size, as its package saves it: with both heads.

Source:
    Wang et al., "YOLOv10: Real-Time End-to-End Object Detection" (NeurIPS 2024).
"""

from __future__ import annotations

from functools import partial

from torch import nn

from edgekit.nets.architectures.chain import Chain, aggregate, repeats, scaled
from edgekit.nets.architectures.heads import (
    STRIDES,
    box_branches,
    class_width,
    expectation,
    slim_class_branches,
)
from edgekit.nets.architectures.parts import bottleneck, c2f, conv, depthwise, linear, sppf
from edgekit.nets.blocks.yolov10 import Attention, Cib, Psa, RepVggDw, ScDown
from edgekit.nets.heads.distances import EndToEndHead

# Depth, width, and the stage of the backbone with large kernels.
_SIZES: dict[str, tuple[float, float, int | None]] = {
    "n": (0.33, 0.25, None),
    "s": (0.33, 0.5, 3),
}
_DETECTIONS = 300


def build(size: str, classes: int) -> nn.Module:
    """Return the network: ``(N, 300, 6)``, corners, score and class; no NMS is needed.

    The one-to-many branches ``cv2`` and ``cv3`` are kept, and never run.

    Args:
        size: ``n`` or ``s``.
        classes: How many.
    """
    depth, width, large = _SIZES[size]
    widths = [scaled(channels, width, 1024) for channels in (64, 128, 256, 512, 1024)]
    chain = Chain()
    maps = _backbone(chain, widths, depth, large)
    maps = aggregate(
        chain,
        maps,
        lambda step: _block(
            chain, widths[(3, 2, 3, 4)[step]], repeats(3, depth), (step == 3, False)
        ),
        lambda step: (_convs, _sc_down)[step](chain, widths[(2, 3)[step]]),
    )
    return chain.network(_head([chain.width_of(place) for place in maps], classes), maps)


def attention(width: int) -> Attention:
    """Return self-attention with a head per 64 channels, its keys half as wide as its values."""
    heads = max(width // 64, 1)
    head = width // heads
    return Attention(
        num_heads=heads,
        key_dim=head // 2,
        head_dim=head,
        qkv=linear(conv(width, width + 2 * heads * (head // 2))),
        proj=linear(conv(width, width)),
        pe=linear(depthwise(width, 3)),
    )


def mixing(width: int) -> nn.Sequential:
    """Return two convolutions over channels, twice as many in between."""
    return nn.Sequential(conv(width, 2 * width), linear(conv(2 * width, width)))


def _head(widths: list[int], classes: int) -> EndToEndHead:
    hidden = class_width(widths[0], classes)
    boxes = [box_branches(widths) for _ in range(2)]
    scores = [slim_class_branches(widths, classes, hidden) for _ in range(2)]
    head = EndToEndHead((boxes[0], scores[0]), expectation(), STRIDES, _DETECTIONS)
    head.cv2, head.cv3 = boxes[1], scores[1]
    return head


def _backbone(
    chain: Chain, widths: list[int], depth: float, large: int | None
) -> tuple[int, int, int]:
    chain.conv(widths[0], 3, 2)
    maps = []
    for stage, (width, count) in enumerate(zip(widths[1:], (3, 6, 6, 3), strict=True)):
        (_convs if stage < 2 else _sc_down)(chain, width)
        maps.append(_block(chain, width, repeats(count, depth), (stage == large, True)))
    chain.add(sppf(chain.width), chain.width)
    half = chain.width // 2
    psa = Psa(
        attention(half),
        mixing(half),
        cv1=conv(chain.width, 2 * half),
        cv2=conv(2 * half, chain.width),
    )
    return maps[1], maps[2], chain.add(psa, chain.width)


def _block(chain: Chain, width: int, count: int, kind: tuple[bool, bool]) -> int:
    """Add a block; ``kind`` says whether its kernels are large, and whether it adds its input."""
    large, add = kind
    inner = _cib if large else partial(_inner, add=add)
    return chain.add(c2f(chain.width, width, inner, count), width)


def _convs(chain: Chain, width: int) -> int:
    return chain.conv(width, 3, 2)


def _sc_down(chain: Chain, width: int) -> int:
    return chain.add(ScDown(conv(chain.width, width), linear(depthwise(width, 3, 2))), width)


def _inner(width: int, *, add: bool) -> nn.Module:
    return bottleneck(width, 3, width, add=add)


def _cib(width: int) -> nn.Module:
    wide = 2 * width
    kernels = (linear(depthwise(wide, size)) for size in (7, 3))
    layers = [
        depthwise(width, 3),
        conv(width, wide),
        RepVggDw(next(kernels), nn.SiLU(), next(kernels)),
        conv(wide, width),
        depthwise(width, 3),
    ]
    return Cib(nn.Sequential(*layers), add=True)
