"""NanoDet-Plus by size, as its package saves it, the parts for training included.

Source:
    RangiLyu, "NanoDet-Plus" (2021), config/nanodet-plus-m_320.yml: layers and sizes, no code.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

import torch
from torch import nn

from edgekit.nets.blocks.nanodet import GhostModule, GhostResidual, SeparableConv
from edgekit.nets.blocks.shuffle import ShuffleBlock
from edgekit.nets.blocks.yolo import ConvBlock
from edgekit.nets.networks.nanodet import GhostPan, NanoDet, NanoDetHead, ShuffleBackbone

if TYPE_CHECKING:
    from collections.abc import Callable

BINS = 8
_STEM = 24
_DEPTHS = (4, 8, 4)
# Channels of the stages, and of the maps behind them.
_SIZES = {"m": ((116, 232, 464), 96), "m-1.5x": ((176, 352, 704), 128)}
_LEVELS = 4
_KERNEL = 5


def build(size: str, classes: int) -> nn.Module:
    """Return the network: predictions ``(N, A, classes + 32)``, scores first.

    Args:
        size: ``m`` or ``m-1.5x``.
        classes: How many.
    """
    read, width = _SIZES[size]
    head = NanoDetHead(
        _times(_LEVELS, lambda: nn.Sequential(_separable(width), _separable(width))),
        _times(_LEVELS, lambda: nn.Conv2d(width, classes + 4 * BINS, 1)),
        BINS,
    )
    return NanoDet(
        _backbone(read),
        _pan(read, width),
        head,
        aux_fpn=_pan(read, width),
        aux_head=_auxiliary_head(2 * width, classes),
    )


def _times(count: int, make: Callable[[], nn.Module]) -> nn.ModuleList:
    return nn.ModuleList(make() for _ in range(count))


def _act() -> nn.Module:
    return nn.LeakyReLU(0.1)


def _conv(
    inputs: int, outputs: int, kernel: int = 1, stride: int = 1, groups: int = 1
) -> tuple[nn.Conv2d, nn.BatchNorm2d]:
    layer = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
    return layer, nn.BatchNorm2d(outputs)


def _backbone(widths: tuple[int, ...]) -> ShuffleBackbone:
    stages = []
    for inputs, width, depth in zip((_STEM, *widths), widths, _DEPTHS, strict=False):
        others = (_shuffle(width, width, 1) for _ in range(depth - 1))
        stages.append(nn.Sequential(_shuffle(inputs, width, 2), *others))
    return ShuffleBackbone(nn.Sequential(*_conv(3, _STEM, 3, 2), _act()), stages)


def _shuffle(inputs: int, outputs: int, stride: int) -> ShuffleBlock:
    half = outputs // 2
    read = inputs if stride > 1 else half
    first = [*_conv(read, half), _act(), *_conv(half, half, 3, stride, half)]
    branch2 = nn.Sequential(*first, *_conv(half, half), _act())
    if stride == 1:
        return ShuffleBlock(branch2)
    shrunk = _conv(inputs, inputs, 3, stride, inputs)
    return ShuffleBlock(branch2, nn.Sequential(*shrunk, *_conv(inputs, half), _act()))


def _pan(read: tuple[int, ...], width: int) -> GhostPan:
    steps = len(read) - 1
    return GhostPan(
        reduce_layers=nn.ModuleList(_reduce(channels, width) for channels in read),
        top_down_blocks=_times(steps, lambda: _ghost_blocks(width)),
        downsamples=_times(steps, lambda: _separable(width, 2)),
        bottom_up_blocks=_times(steps, lambda: _ghost_blocks(width)),
        extra_lvl_in_conv=_times(1, lambda: _separable(width, 2)),
        extra_lvl_out_conv=_times(1, lambda: _separable(width, 2)),
    )


def _reduce(inputs: int, outputs: int) -> ConvBlock:
    conv, norm = _conv(inputs, outputs)
    return ConvBlock(conv, _act(), norm)


def _separable(width: int, stride: int = 1) -> SeparableConv:
    around, _ = _conv(width, width, _KERNEL, stride, width)
    across, _ = _conv(width, width)
    return SeparableConv(around, across, _act())


def _ghost_blocks(width: int) -> nn.Sequential:
    wide = 2 * width
    shortcut = nn.Sequential(*_conv(wide, wide, _KERNEL, 1, wide), *_conv(wide, width))
    block = GhostResidual(_ghost(wide, width, _act), _ghost(width, width, nn.Identity), shortcut)
    return nn.Sequential(OrderedDict(blocks=nn.Sequential(block)))


def _ghost(inputs: int, outputs: int, act: Callable[[], nn.Module]) -> GhostModule:
    half = outputs // 2
    cheap = nn.Sequential(*_conv(half, half, 3, 1, half), act())
    return GhostModule(nn.Sequential(*_conv(inputs, half), act()), cheap)


def _auxiliary_head(width: int, classes: int) -> nn.ModuleDict:
    """Return the layers of the head that assigns labels in training; it is never run."""

    def branch() -> nn.ModuleList:
        return _times(4, lambda: _grouped(width))

    scales = _times(_LEVELS, nn.Module)
    for scale in scales:
        scale.register_parameter("scale", nn.Parameter(torch.tensor(1.0)))
    return nn.ModuleDict(
        {
            "cls_convs": branch(),
            "reg_convs": branch(),
            "gfl_cls": nn.Conv2d(width, classes, 3, padding=1),
            "gfl_reg": nn.Conv2d(width, 4 * BINS, 3, padding=1),
            "scales": scales,
        }
    )


def _grouped(width: int) -> nn.Sequential:
    conv = nn.Conv2d(width, width, 3, padding=1, bias=False)
    return nn.Sequential(OrderedDict(conv=conv, gn=nn.GroupNorm(32, width)))
