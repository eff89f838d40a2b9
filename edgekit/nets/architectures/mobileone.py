"""MobileOne by size, as its package saves it before the branches are merged.

Source:
    Vasu et al., "MobileOne" (CVPR 2023), section 3.3: depths, widths, branches.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from edgekit.nets.blocks.mobileone import MobileOneBlock
from edgekit.nets.networks.repvgg_classifier import RepVggClassifier

_DEPTHS = (2, 8, 10, 1)


@dataclass(frozen=True)
class _Size:
    """Widths of the stages, and how many convolutions stand side by side."""

    widths: tuple[int, int, int, int]
    branches: int


_SIZES = {"s0": _Size((48, 128, 256, 1024), 4), "s1": _Size((96, 192, 512, 1280), 1)}


def build(size: str, classes: int) -> nn.Module:
    """Return the classifier, a backbone by its ``features``; it is arranged as RepVGG is.

    Args:
        size: ``s0`` or ``s1``.
        classes: How many it tells apart; 1000 in the published files.
    """
    of = _SIZES[size]
    first = min(64, of.widths[0])
    inputs = (first, *of.widths[:-1])
    stages = {
        f"stage{at + 1}": _stage(*shape, of.branches)
        for at, shape in enumerate(zip(inputs, of.widths, _DEPTHS, strict=True))
    }
    stem = _block(nn.Conv2d(3, first, 3, 2, 1, bias=False), 1)
    return RepVggClassifier(stem, nn.Linear(of.widths[-1], classes), **stages)


def _stage(inputs: int, width: int, depth: int, branches: int) -> nn.Sequential:
    blocks = []
    for at in range(depth):
        stride, read = (1, width) if at else (2, inputs)
        around = nn.Conv2d(read, read, 3, stride, 1, groups=read, bias=False)
        across = nn.Conv2d(read, width, 1, bias=False)
        blocks += [_block(around, branches), _block(across, branches)]
    return nn.Sequential(*blocks)


def _block(like: nn.Conv2d, count: int) -> MobileOneBlock:
    """Return a block of ``count`` convolutions as wide and long as ``like``.

    One of size 1 stands beside larger kernels, and the input itself where its shape allows it.
    """
    branches: dict[str, nn.Module] = {}
    if like.in_channels == like.out_channels and like.stride == (1, 1):
        branches["rbr_skip"] = nn.BatchNorm2d(like.in_channels)
    branches["rbr_conv"] = nn.ModuleList(_conv(like, like.kernel_size[0]) for _ in range(count))
    if like.kernel_size[0] > 1:
        branches["rbr_scale"] = _conv(like, 1)
    return MobileOneBlock(nn.ReLU(), nn.Identity(), **branches)


def _conv(like: nn.Conv2d, kernel: int) -> nn.Sequential:
    both, groups = nn.Sequential(), like.groups
    widths = (like.in_channels, like.out_channels)
    conv = nn.Conv2d(*widths, kernel, like.stride[0], kernel // 2, groups=groups, bias=False)
    both.add_module("conv", conv)
    both.add_module("bn", nn.BatchNorm2d(widths[1]))
    return both
