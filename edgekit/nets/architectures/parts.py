"""Blocks of the YOLO families, made from their sizes with weights yet to be loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

from edgekit.nets.blocks.yolo import C3, Bottleneck, C2f, ConvBlock, Focus, Spp, Sppf

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_EPS = 1e-3  # what every family here sets its batch norms to


def conv(inputs: int, outputs: int, kernel: int = 1, stride: int = 1, groups: int = 1) -> ConvBlock:
    """Return convolution, batch norm and SiLU; padded so that only the stride shrinks the map."""
    layer = nn.Conv2d(inputs, outputs, kernel, stride, (kernel - 1) // 2, groups=groups, bias=False)
    return ConvBlock(layer, nn.SiLU(), nn.BatchNorm2d(outputs, eps=_EPS))


def depthwise(width: int, kernel: int, stride: int = 1) -> ConvBlock:
    """Return a ``conv`` of one kernel per channel."""
    return conv(width, width, kernel, stride, width)


def linear(block: ConvBlock) -> ConvBlock:
    """Return ``block`` without its activation."""
    block.act = nn.Identity()
    return block


def bottleneck(width: int, first: int, hidden: int, *, add: bool) -> Bottleneck:
    """Return a bottleneck of a convolution of size ``first`` and one of size 3."""
    return Bottleneck(conv(width, hidden, first), conv(hidden, width, 3), add=add)


def c3(inputs: int, outputs: int, inner: Callable[[int], nn.Module], repeats: int) -> C3:
    """Return a block whose ``inner`` ones, made from their width, have half its width."""
    half = outputs // 2
    m = nn.Sequential(*(inner(half) for _ in range(repeats)))
    return C3(conv(inputs, half), conv(inputs, half), conv(2 * half, outputs), m)


def c2f(
    inputs: int, outputs: int, inner: Callable[[int], nn.Module], repeats: int, part: float = 0.5
) -> C2f:
    """Return a block whose ``inner`` ones have ``part`` of its width."""
    width = int(outputs * part)
    m = nn.ModuleList(inner(width) for _ in range(repeats))
    return C2f(conv(inputs, 2 * width), conv((2 + repeats) * width, outputs), m)


def sppf(width: int) -> Sppf:
    """Return three poolings over 5 x 5 in a row, on half the width."""
    pool = nn.MaxPool2d(5, 1, 2)
    return Sppf(conv(width, width // 2), conv(width // 2 * 4, width), pool)


def spp(width: int, windows: Sequence[int] = (5, 9, 13)) -> Spp:
    """Return poolings over ``windows`` side by side, on half the width."""
    pools = nn.ModuleList(nn.MaxPool2d(window, 1, window // 2) for window in windows)
    return Spp(conv(width, width // 2), conv(width // 2 * (1 + len(windows)), width), pools)


def focus(width: int) -> Focus:
    """Return the convolution of 3 x 3 that reads an image of 3 channels as one of 12."""
    return Focus(conv(4 * 3, width, 3))
