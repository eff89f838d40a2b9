"""YOLOX as release 0.3 of its package saves it: nano, tiny, s and the one on Darknet-53."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from torch import nn

from edgekit.nets.architectures.parts import conv, depthwise
from edgekit.nets.blocks.yolo import ConvBlock, Focus
from edgekit.nets.blocks.yolox import (
    CspLayer,
    DepthwiseConv,
    ResLayer,
    SppBottleneck,
    XBottleneck,
)
from edgekit.nets.networks.pyramid import Pyramid
from edgekit.nets.networks.yolox import DecoupledHead, XFpn, XPafpn, Yolox

if TYPE_CHECKING:
    from collections.abc import Callable

    Conv = Callable[[int, int, int, int], nn.Module]

_STRIDES = (8.0, 16.0, 32.0)
_SLOPE = 0.1


@dataclass(frozen=True)
class _Size:
    """Channels at stride 2, blocks of the first stage, and what larger kernels are made of."""

    base: int
    depth: int = 1
    conv: Conv = conv


def _depthwise(inputs: int, outputs: int, kernel: int, stride: int) -> nn.Module:
    return DepthwiseConv(depthwise(inputs, kernel, stride), conv(inputs, outputs))


_SIZES = {
    "nano": _Size(16, conv=_depthwise),
    "tiny": _Size(24),
    "s": _Size(32),
    "m": _Size(48, depth=2),
    "l": _Size(64, depth=3),
    "x": _Size(80, depth=4),
}


def build(size: str, classes: int) -> nn.Module:
    """Return YOLOX with weights yet to be loaded; it takes BGR images in 0..255.

    Args:
        size: ``nano``, ``tiny``, ``s``, ``m``, ``l``, ``x`` or ``darknet53``.
        classes: How many the head tells apart.
    """
    if size == "darknet53":
        return Yolox(_fpn(), _head((128, 256, 512), 256, classes, _leaky))
    of = _SIZES[size]
    widths = (4 * of.base, 8 * of.base, 16 * of.base)
    return Yolox(_pafpn(of, widths), _head(widths, widths[0], classes, of.conv))


def _pafpn(of: _Size, widths: tuple[int, int, int]) -> XPafpn:
    fine, middle, coarse = widths
    block = partial(_csp, of=of, count=of.depth, add=False)
    return XPafpn(
        _csp_darknet(of),
        lateral_conv0=conv(coarse, middle),
        C3_p4=block(2 * middle, middle),
        reduce_conv1=conv(middle, fine),
        C3_p3=block(2 * fine, fine),
        bu_conv2=of.conv(fine, fine, 3, 2),
        C3_n3=block(2 * fine, middle),
        bu_conv1=of.conv(middle, middle, 3, 2),
        C3_n4=block(2 * middle, coarse),
    )


def _csp_darknet(of: _Size) -> Pyramid:
    stages = {}
    for level, depth in ((2, 1), (3, 3), (4, 3), (5, 1)):
        width = of.base * 2 ** (level - 1)
        block = _csp(width, width, of=of, count=of.depth * depth, add=level < 5)
        pooled = [_spp(width, width, conv)] if level == 5 else []
        down = of.conv(width // 2, width, 3, 2)
        stages[f"dark{level}"] = nn.Sequential(down, *pooled, block)
    return Pyramid(Focus(conv(12, of.base, 3)), stages, maps=3)


def _csp(inputs: int, outputs: int, *, of: _Size, count: int, add: bool) -> CspLayer:
    half = outputs // 2
    inner = (
        XBottleneck(conv(half, half), of.conv(half, half, 3, 1), add=add) for _ in range(count)
    )
    return CspLayer(
        conv(inputs, half), conv(inputs, half), conv(2 * half, outputs), nn.Sequential(*inner)
    )


def _spp(inputs: int, outputs: int, make: Conv) -> SppBottleneck:
    half = inputs // 2
    pools = nn.ModuleList(nn.MaxPool2d(side, 1, side // 2) for side in (5, 9, 13))
    return SppBottleneck(make(inputs, half, 1, 1), make(4 * half, outputs, 1, 1), pools)


def _leaky(inputs: int, outputs: int, kernel: int = 1, stride: int = 1) -> ConvBlock:
    block = conv(inputs, outputs, kernel, stride)
    block.act = nn.LeakyReLU(_SLOPE)
    return block


def _fpn() -> XFpn:
    return XFpn(
        _darknet53(),
        out1_cbl=_leaky(512, 256),
        out1=_alternating(768, 256),
        out2_cbl=_leaky(256, 128),
        out2=_alternating(384, 128),
    )


def _darknet53() -> Pyramid:
    stages = {
        f"dark{level}": _residual_stage(32 * 2 ** (level - 1), count)
        for level, count in ((2, 2), (3, 8), (4, 8), (5, 4))
    }
    stages["dark5"].extend(
        [
            _leaky(1024, 512),
            _leaky(512, 1024, 3),
            _spp(1024, 512, _leaky),
            _leaky(512, 1024, 3),
            _leaky(1024, 512),
        ]
    )
    stem = nn.Sequential(_leaky(3, 32, 3), *_residual_stage(32, 1))
    return Pyramid(stem, stages, maps=3)


def _residual_stage(inputs: int, count: int) -> nn.Sequential:
    width = 2 * inputs
    layers = (ResLayer(_leaky(width, inputs), _leaky(inputs, width, 3)) for _ in range(count))
    return nn.Sequential(_leaky(inputs, width, 3, 2), *layers)


def _alternating(inputs: int, width: int) -> nn.Sequential:
    """Return narrow and wide convolutions in turn, narrow ones at both ends."""
    return nn.Sequential(
        _leaky(inputs, width),
        _leaky(width, 2 * width, 3),
        _leaky(2 * width, width),
        _leaky(width, 2 * width, 3),
        _leaky(2 * width, width),
    )


def _head(inputs: tuple[int, int, int], width: int, classes: int, make: Conv) -> DecoupledHead:
    def each(part: Callable[[], nn.Module]) -> nn.ModuleList:
        return nn.ModuleList(part() for _ in inputs)

    def pair() -> nn.Module:
        return nn.Sequential(make(width, width, 3, 1), make(width, width, 3, 1))

    stem = _leaky if make is _leaky else conv
    return DecoupledHead(
        _STRIDES,
        stems=nn.ModuleList(stem(of, width) for of in inputs),
        cls_convs=each(pair),
        reg_convs=each(pair),
        cls_preds=each(lambda: nn.Conv2d(width, classes, 1)),
        reg_preds=each(lambda: nn.Conv2d(width, 4, 1)),
        obj_preds=each(lambda: nn.Conv2d(width, 1, 1)),
    )
