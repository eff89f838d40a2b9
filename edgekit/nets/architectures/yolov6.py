"""YOLOv6-N and YOLOv6-S as releases 0.2, 0.3 and 0.4 of the package save them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import nn

from edgekit.nets.architectures.chain import repeats, scaled
from edgekit.nets.architectures.parts import conv
from edgekit.nets.architectures.rep_layers import rep_layer
from edgekit.nets.blocks.yolo import ConvBlock, Sppf
from edgekit.nets.blocks.yolov6 import BiFusion, CspSppf, Enlarge, RepBlock
from edgekit.nets.networks.pyramid import Pyramid
from edgekit.nets.networks.yolov6 import EfficientHead, RepBiFpan, RepPan, YoloV6

if TYPE_CHECKING:
    from collections.abc import Callable

_STRIDES = (8.0, 16.0, 32.0)
_WIDTHS = (64, 128, 256, 512, 1024)
_REPEATS = (6, 12, 18, 6)
_DEPTH = 0.33
_rep = partial(rep_layer, eps=1e-3)
_BINS = 17  # saved with every head, used or not
_SIZES = {"n": 0.25, "s": 0.5}


class _Neck(NamedTuple):
    """Widths of the neck; the maps the head reads are the last three."""

    top: int
    side: int
    low: int
    middle: int
    coarse: int


@dataclass(frozen=True)
class _Head:
    """Predictions by name: outputs per class and for boxes, and which of them are read."""

    classes: dict[str, int]
    boxes: dict[str, int]
    reads: tuple[str, str]


_PLAIN = _Head({"cls_preds": 1}, {"reg_preds": 4}, ("cls_preds", "reg_preds"))
_HEADS = {
    "": _PLAIN,
    "0.2": _PLAIN,
    "fuse-ab": _Head(
        {"cls_preds_af": 1, "cls_preds_ab": 3},
        {"reg_preds_af": 4, "reg_preds_ab": 12},
        ("cls_preds_af", "reg_preds_af"),
    ),
    "distill": _Head(
        {"cls_preds": 1},
        {"reg_preds": 68, "reg_preds_lrtb": 4},
        ("cls_preds", "reg_preds_lrtb"),
    ),
}


def build(size: str, classes: int) -> nn.Module:
    """Return YOLOv6 with weights yet to be loaded.

    Args:
        size: ``n`` or ``s`` is the layout of releases 0.3 and 0.4, with the head of a network
            trained without options; ``n-fuse-ab`` has the anchors of ``--fuse_ab`` beside it and
            ``n-distill`` the distributions of ``--distill``; ``n-0.2`` is that of release 0.2.
        classes: How many the head tells apart.
    """
    scale, _, variant = size.partition("-")
    by = _SIZES[scale]
    widths = [scaled(width, by) for width in _WIDTHS]
    neck = _Neck(*(scaled(width, by) for width in (256, 128, 128, 256, 512)))
    old = variant == "0.2"
    return YoloV6(
        _backbone(widths, old=old),
        RepPan(**_pan(widths, neck)) if old else RepBiFpan(**_bifpan(widths, neck)),
        _head(neck[2:], classes, _HEADS[variant]),
    )


def _relu(inputs: int, outputs: int, kernel: int = 1, stride: int = 1) -> ConvBlock:
    block = conv(inputs, outputs, kernel, stride)
    block.act = nn.ReLU()
    return block


def _rep_block(inputs: int, outputs: int, count: int) -> RepBlock:
    more = nn.Sequential(*(_rep(outputs, outputs) for _ in range(count - 1)))
    return RepBlock(_rep(inputs, outputs), more if count > 1 else None)


def _backbone(widths: list[int], *, old: bool) -> Pyramid:
    stages = {
        f"ERBlock_{at + 2}": nn.Sequential(
            _rep(widths[at], widths[at + 1], 2),
            _rep_block(widths[at + 1], widths[at + 1], repeats(count, _DEPTH)),
        )
        for at, count in enumerate(_REPEATS)
    }
    stages["ERBlock_5"].append(_pooling(widths[-1], old=old))
    return Pyramid(_rep(3, widths[0], 2), stages, maps=3 if old else 4)


def _pooling(width: int, *, old: bool) -> nn.Module:
    half, pool = width // 2, nn.MaxPool2d(5, 1, 2)
    if old:
        return Sppf(_relu(width, half), _relu(4 * half, width), pool)
    return CspSppf(
        pool,
        cv1=_relu(width, half),
        cv2=_relu(width, half),
        cv3=_relu(half, half, 3),
        cv4=_relu(half, half),
        cv5=_relu(4 * half, half),
        cv6=_relu(half, half, 3),
        cv7=_relu(2 * half, width),
    )


def _shared(widths: list[int], neck: _Neck) -> dict[str, nn.Module]:
    """Return the layers that both necks have alike."""
    count = repeats(12, _DEPTH)
    return {
        "reduce_layer0": _relu(widths[4], neck.top),
        "reduce_layer1": _relu(neck.top, neck.side),
        "downsample2": _relu(neck.low, neck.low, 3, 2),
        "downsample1": _relu(neck.middle, neck.middle, 3, 2),
        "Rep_n3": _rep_block(neck.low + neck.side, neck.middle, count),
        "Rep_n4": _rep_block(neck.middle + neck.top, neck.coarse, count),
    }


def _pan(widths: list[int], neck: _Neck) -> dict[str, nn.Module]:
    count = repeats(12, _DEPTH)
    return {
        **_shared(widths, neck),
        "upsample0": _enlarge(neck.top),
        "upsample1": _enlarge(neck.side),
        "Rep_p4": _rep_block(widths[3] + neck.top, neck.top, count),
        "Rep_p3": _rep_block(widths[2] + neck.side, neck.low, count),
    }


def _bifpan(widths: list[int], neck: _Neck) -> dict[str, nn.Module]:
    count = repeats(12, _DEPTH)
    return {
        **_shared(widths, neck),
        "Bifusion0": _bifusion((widths[3], widths[2]), neck.top),
        "Bifusion1": _bifusion((widths[2], widths[1]), neck.side),
        "Rep_p4": _rep_block(neck.top, neck.top, count),
        "Rep_p3": _rep_block(neck.side, neck.low, count),
    }


def _enlarge(width: int) -> Enlarge:
    return Enlarge(nn.ConvTranspose2d(width, width, 2, 2))


def _bifusion(inputs: tuple[int, int], width: int) -> BiFusion:
    return BiFusion(
        _enlarge(width),
        _relu(width, width, 3, 2),
        cv1=_relu(inputs[0], width),
        cv2=_relu(inputs[1], width),
        cv3=_relu(3 * width, width),
    )


def _head(widths: tuple[int, ...], classes: int, kind: _Head) -> EfficientHead:
    def each(make: Callable[[int], nn.Module]) -> nn.ModuleList:
        return nn.ModuleList(make(width) for width in widths)

    outputs = {name: count * classes for name, count in kind.classes.items()} | kind.boxes
    predictions = {
        name: each(partial(nn.Conv2d, out_channels=count, kernel_size=1))
        for name, count in outputs.items()
    }
    return EfficientHead(
        kind.reads,
        _STRIDES,
        torch.arange(_BINS, dtype=torch.float32),
        proj_conv=nn.Conv2d(_BINS, 1, 1, bias=False),
        stems=each(lambda width: conv(width, width)),
        cls_convs=each(lambda width: conv(width, width, 3)),
        reg_convs=each(lambda width: conv(width, width, 3)),
        **predictions,
    )
