"""Detection heads of the YOLO families, made from the widths of the maps they read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from edgekit.nets.architectures.parts import conv, depthwise
from edgekit.nets.heads.distances import Expectation

if TYPE_CHECKING:
    from collections.abc import Sequence

STRIDES = (8.0, 16.0, 32.0)
BINS = 16


def expectation() -> Expectation:
    """Return the mean over distances of 0 to 15."""
    layer = nn.Conv2d(BINS, 1, 1, bias=False)
    layer.weight = nn.Parameter(torch.arange(float(BINS)).reshape(1, BINS, 1, 1))
    return Expectation(layer)


def box_branches(widths: Sequence[int], groups: int = 1) -> nn.ModuleList:
    """Return a branch per map that gives the distributions of four distances.

    Args:
        widths: Of the maps, finest first.
        groups: Of all layers but the first.
    """
    hidden = max(4 * BINS, widths[0] // 4)

    def branch(width: int) -> nn.Sequential:
        last = nn.Conv2d(hidden, 4 * BINS, 1, groups=groups)
        return nn.Sequential(conv(width, hidden, 3), conv(hidden, hidden, 3, 1, groups), last)

    return nn.ModuleList(branch(width) for width in widths)


def class_branches(widths: Sequence[int], classes: int, hidden: int) -> nn.ModuleList:
    """Return a branch per map that gives a score per class."""

    def branch(width: int) -> nn.Sequential:
        last = nn.Conv2d(hidden, classes, 1)
        return nn.Sequential(conv(width, hidden, 3), conv(hidden, hidden, 3), last)

    return nn.ModuleList(branch(width) for width in widths)


def slim_class_branches(widths: Sequence[int], classes: int, hidden: int) -> nn.ModuleList:
    """Return the same as ``class_branches`` with depthwise and pointwise layers in turn."""

    def branch(width: int) -> nn.Sequential:
        first = nn.Sequential(depthwise(width, 3), conv(width, hidden))
        second = nn.Sequential(depthwise(hidden, 3), conv(hidden, hidden))
        return nn.Sequential(first, second, nn.Conv2d(hidden, classes, 1))

    return nn.ModuleList(branch(width) for width in widths)


def class_width(finest: int, classes: int) -> int:
    """Return the width of a class branch, of YOLOv8 and what came of it."""
    return max(finest, min(classes, 100))


def anchors_in_cells(pixels: Sequence[Sequence[int]]) -> torch.Tensor:
    """Return anchors ``(maps, per cell, 2)`` in cells, from one row of pixels per map."""
    sizes = torch.tensor(pixels, dtype=torch.float32).reshape(len(pixels), -1, 2)
    return sizes / torch.tensor(STRIDES).reshape(-1, 1, 1)


def anchors_in_pixels(pixels: Sequence[Sequence[int]]) -> torch.Tensor:
    """Return the same in pixels, ``(maps, 1, per cell, 1, 1, 2)``, as early packages store them."""
    sizes = torch.tensor(pixels, dtype=torch.float32)
    return sizes.reshape(len(pixels), 1, -1, 1, 1, 2)


def anchor_branches(widths: Sequence[int], classes: int, anchors: int = 3) -> nn.ModuleList:
    """Return a convolution per map that gives all predictions of a cell."""
    return nn.ModuleList(nn.Conv2d(width, anchors * (5 + classes), 1) for width in widths)
