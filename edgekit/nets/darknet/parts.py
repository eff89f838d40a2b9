"""The layers of a Darknet network, made from their sections and the weights that follow.

Source:
    Redmon, "Darknet: Open Source Neural Networks in C" (2013-2016), and the fork of Bochkovskiy
    that YOLOv4 was trained with: what its layers compute, no code.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

from edgekit.nets.blocks.yolo import ConvBlock
from edgekit.nets.darknet.head import YoloLayer
from edgekit.nets.darknet.layers import Route, Shortcut, UnevenPool
from edgekit.nets.darknet.network import DarknetLayer, activation
from edgekit.nets.darknet.older import OLDER

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from edgekit.nets.darknet.network import DarknetNetwork
    from edgekit.nets.darknet.section import DarknetSection

_EPS = 1e-5
_TRAINING = frozenset({"dropout", "cost"})  # what changes nothing once a network is trained
_CHANGED_CONV = (
    "antialiasing",
    "assisted_excitation",
    "binary",
    "deform",
    "flipped",
    "rotate",
    "share_index",
    "stretch",
    "stretch_sway",
    "stride_x",
    "stride_y",
    "sway",
    "xnor",
)


def add_layer(section: DarknetSection, network: DarknetNetwork) -> None:
    """Add the layer that ``section`` describes.

    Raises:
        ModelError: Its kind or one of its options is not one that edgekit computes, or it does
            not fit the layers before it.
    """
    if network.output is not None:
        raise section.error(f"nothing behind the head of {network.output.family}", section.kind)
    if section.kind in _TRAINING:
        network.layers.append(_unchanged(network))
        return
    make = _KINDS.get(section.kind)
    if make is None:
        raise section.error(f"a layer of {', '.join(sorted(_KINDS))}", f"[{section.kind}]")
    network.layers.append(make(section, network))


def _convolutional(section: DarknetSection, network: DarknetNetwork) -> DarknetLayer:
    section.refuse(*_CHANGED_CONV)
    if section.whole("dilation", 1) != 1:
        raise section.error("'dilation' of 1", section.text("dilation", ""))
    before = network.at(network.last)
    size, stride = section.whole("size", 1, 1), section.whole("stride", 1, 1)
    filters, groups = section.whole("filters", 1, 1), section.whole("groups", 1, 1)
    if before.width % groups or filters % groups:
        raise section.error(f"'groups' that divide {before.width} and {filters}", f"{groups}")
    norm = section.whole("batch_normalize", 0) != 0
    padding = size // 2 if section.whole("pad", 0) else section.whole("padding", 0)
    conv = nn.Conv2d(
        before.width,
        filters,
        size,
        stride,
        padding,
        groups=groups,
        bias=not norm,
        device="meta",
    )
    bn = nn.BatchNorm2d(filters, eps=_EPS, device="meta") if norm else None
    network.weights.fill(conv, bn)
    block = ConvBlock(conv, activation(section, "logistic"), bn)
    return DarknetLayer(block, network.last, filters, before.stride * stride)


def _maxpool(section: DarknetSection, network: DarknetNetwork) -> DarknetLayer:
    section.refuse("antialiasing", "maxpool_depth", "stride_x", "stride_y")
    stride = section.whole("stride", 1, 1)
    size = section.whole("size", stride, 1)
    padding = section.whole("padding", size - 1)
    before = network.at(network.last)
    if padding == size - 1 and size % 2:
        pool: nn.Module = nn.MaxPool2d(size, stride, padding // 2)
    elif padding == size - 1 and stride == 1:
        pool = UnevenPool(size)
    elif padding == size - 1 and size == stride == 2:
        pool = nn.MaxPool2d(2, 2, ceil_mode=True)
    elif padding == 0:
        pool = nn.MaxPool2d(size, stride)
    else:
        found = f"size {size}, stride {stride}, padding {padding}"
        raise section.error("a pool that keeps or halves the size", found)
    return DarknetLayer(pool, network.last, before.width, before.stride * stride)


def _route(section: DarknetSection, network: DarknetNetwork) -> DarknetLayer:
    places = tuple(_place(section, at, network) for at in section.wholes("layers"))
    read = [network.at(place) for place in places]
    groups = section.whole("groups", 1, 1)
    part = section.whole("group_id", 0)
    if part >= groups or any(layer.width % groups for layer in read):
        raise section.error("'group_id' below 'groups', which divide the channels", f"{groups}")
    width = sum(layer.width // groups for layer in read)
    return DarknetLayer(Route(groups, part), places, width, read[0].stride)


def _shortcut(section: DarknetSection, network: DarknetNetwork) -> DarknetLayer:
    if section.text("weights_type", "none") != "none":
        raise section.error("no 'weights_type'", section.text("weights_type", ""))
    places = (
        network.last,
        *(_place(section, at, network) for at in section.wholes("from")),
    )
    widths = {network.at(place).width for place in places}
    if len(widths) > 1:
        raise section.error("maps of as many channels", f"{sorted(widths)}")
    before = network.at(network.last)
    act = activation(section, "linear")
    return DarknetLayer(Shortcut(act), places, before.width, before.stride)


def _place(section: DarknetSection, at: int, network: DarknetNetwork) -> int:
    """Return the place of a layer before ``section``; negative numbers count back from it."""
    place = len(network.layers) + at if at < 0 else at
    if not 0 <= place <= network.last:
        raise section.error("layers before it", f"{at}")
    return place


def _upsample(section: DarknetSection, network: DarknetNetwork) -> DarknetLayer:
    if section.number("scale", 1) != 1:
        raise section.error("'scale' of 1", section.text("scale", ""))
    section.refuse("reverse")
    factor = section.whole("stride", 2, 1)
    before = network.at(network.last)
    larger = nn.Upsample(scale_factor=float(factor), mode="nearest")
    return DarknetLayer(larger, network.last, before.width, before.stride / factor)


def _unchanged(network: DarknetNetwork) -> DarknetLayer:
    before = network.at(network.last)
    return DarknetLayer(nn.Identity(), network.last, before.width, before.stride)


def _yolo(section: DarknetSection, network: DarknetNetwork) -> DarknetLayer:
    before = network.at(network.last)
    numbers = section.numbers("anchors")
    anchors = tuple(zip(numbers[::2], numbers[1::2], strict=False))
    mask = section.wholes("mask") if section.text("mask", "") else tuple(range(len(anchors)))
    if not all(0 <= at < len(anchors) for at in mask) or min(numbers) <= 0:
        raise section.error(f"'mask' of 0 to {len(anchors) - 1}, anchors above 0", f"{mask}")
    classes = section.whole("classes", 20, 1)
    if before.width != len(mask) * (5 + classes):
        raise section.error(f"{len(mask) * (5 + classes)} channels to read", f"{before.width}")
    level = YoloLayer(
        tuple(anchors[at] for at in mask),
        before.stride,
        section.number("scale_x_y", 1),
        section.whole("new_coords", 0) != 0,
    )
    if network.yolo and network.yolo[0][2] != classes:
        raise section.error(f"{network.yolo[0][2]} classes as before", f"{classes}")
    network.yolo.append((network.last, level, classes))
    return _unchanged(network)


_KINDS: Mapping[str, Callable[[DarknetSection, DarknetNetwork], DarknetLayer]] = {
    "convolutional": _convolutional,
    "maxpool": _maxpool,
    "route": _route,
    "shortcut": _shortcut,
    "upsample": _upsample,
    "yolo": _yolo,
    **OLDER,
}
