"""Layers that only Darknet networks before YOLOv3 are made of, from their sections.

Source:
    Redmon, "Darknet: Open Source Neural Networks in C" (2013-2016): what its layers compute, no
    code.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

from edgekit.nets.darknet.head import CellHead, RegionHead, YoloLayer
from edgekit.nets.darknet.layers import Connected, Crop, LocalConv, Reorg, Window
from edgekit.nets.darknet.network import DarknetLayer, DarknetOutput, activation

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from edgekit.nets.darknet.network import DarknetNetwork
    from edgekit.nets.darknet.section import DarknetSection


def _reorg(section: DarknetSection, network: DarknetNetwork) -> DarknetLayer:
    section.refuse("reverse", "flatten", "extra")
    by = section.whole("stride", 1, 1)
    before = network.at(network.last)
    if before.width % by**2:
        raise section.error(f"channels that {by**2} divides", f"{before.width}")
    return DarknetLayer(Reorg(by), network.last, before.width * by**2, before.stride * by)


def _crop(section: DarknetSection, network: DarknetNetwork) -> DarknetLayer:
    height, width = network.cells_hw(section)
    out_hw = (section.whole("crop_height", 1, 1), section.whole("crop_width", 1, 1))
    if network.layers or out_hw[0] > height or out_hw[1] > width:
        raise section.error(f"the first layer, of at most {height} x {width}", f"{out_hw}")
    network.size_hw = out_hw
    adjusts = section.whole("noadjust", 0) == 0
    return DarknetLayer(Crop((height, width), out_hw, adjusts=adjusts), -1, network.width, 1.0)


def _connected(section: DarknetSection, network: DarknetNetwork) -> DarknetLayer:
    section.refuse("batch_normalize")
    before = network.at(network.last)
    height, width = (1, 1) if before.flat else network.cells_hw(section)
    outputs = section.whole("output", 1, 1)
    linear = nn.Linear(before.width * height * width, outputs, device="meta")
    network.weights.fill_connected(linear)
    layer = Connected(linear, activation(section, "logistic"))
    return DarknetLayer(layer, network.last, outputs, before.stride, flat=True)


def _local(section: DarknetSection, network: DarknetNetwork) -> DarknetLayer:
    before = network.at(network.last)
    size, stride = section.whole("size", 1, 1), section.whole("stride", 1, 1)
    padding = section.whole("pad", 0)
    # Darknet counts places as if it padded by half the kernel, and pads by what the option says.
    if padding and 2 * padding + 1 != size:
        raise section.error("'pad' of 0, or of half an odd 'size'", f"{padding} and {size}")
    rows, columns = (
        (side + 2 * padding - size) // stride + 1 for side in network.cells_hw(section)
    )
    if min(rows, columns) < 1:
        raise section.error("a kernel that fits into the map", f"{size}")
    filters = section.whole("filters", 1, 1)
    window = Window(size, stride, padding)
    act = activation(section, "logistic")
    local = LocalConv((before.width, filters), (rows, columns), window, act)
    network.weights.fill_local(local)
    span = network.size_hw[0] / rows
    return DarknetLayer(local, network.last, filters, span)


def _region(section: DarknetSection, network: DarknetNetwork) -> DarknetLayer:
    if section.text("tree", "") or section.whole("coords", 4) != 4:
        found = section.text("tree", "") or f"{section.whole('coords', 4)} coordinates"
        raise section.error("no 'tree' of classes, 4 coordinates", found)
    section.refuse("background", "mask_scale")
    before = network.at(network.last)
    count, classes = section.whole("num", 1, 1), section.whole("classes", 20, 1)
    numbers = section.numbers("anchors")
    if len(numbers) < 2 * count or min(numbers) <= 0:
        raise section.error(f"{2 * count} anchors above 0", f"{numbers}")
    if before.width != count * (5 + classes):
        raise section.error(f"{count * (5 + classes)} channels to read", f"{before.width}")
    pixels = [number * before.stride for number in numbers[: 2 * count]]
    anchors = tuple(zip(pixels[::2], pixels[1::2], strict=True))
    head = RegionHead(YoloLayer(anchors, before.stride), shares=section.whole("softmax", 0) != 0)
    return _ends(network, DarknetOutput(network.last, head, "yolov2", classes))


def _detection(section: DarknetSection, network: DarknetNetwork) -> DarknetLayer:
    section.refuse("softmax")
    if section.whole("coords", 1) != 4:
        raise section.error("'coords' of 4", section.text("coords", "none"))
    before = network.at(network.last)
    count, classes = section.whole("num", 1, 1), section.whole("classes", 1, 1)
    side = section.whole("side", 7, 1)
    if not before.flat or before.width != side**2 * (5 * count + classes):
        expected = f"a connected layer of {side**2 * (5 * count + classes)} outputs before it"
        raise section.error(expected, f"{before.width}")
    head = CellHead(side, count, roots=section.whole("sqrt", 0) != 0)
    return _ends(network, DarknetOutput(network.last, head, "yolov1", classes))


def _ends(network: DarknetNetwork, output: DarknetOutput) -> DarknetLayer:
    before = network.at(network.last)
    network.output = output
    return before._replace(module=nn.Identity(), source=network.last)


OLDER: Mapping[str, Callable[[DarknetSection, DarknetNetwork], DarknetLayer]] = {
    "connected": _connected,
    "crop": _crop,
    "detection": _detection,
    "local": _local,
    "region": _region,
    "reorg": _reorg,
}
"""How each kind is made."""
