"""From the sections and weights of a Darknet network to a detector of torch modules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import torch
from torch import nn

from edgekit.errors import ModelError
from edgekit.nets.build import LoadedDetector
from edgekit.nets.darknet_head import YoloHead
from edgekit.nets.darknet_parts import DarknetNetwork, add_layer
from edgekit.nets.darknet_section import DarknetSection
from edgekit.nets.darknet_weights import DarknetWeights
from edgekit.nets.routed import RoutedNetwork

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from edgekit.nets.darknet_section import ReadSection


class ReadDarknet(Protocol):
    """A configuration and its weights as plain data."""

    @property
    def sections(self) -> Sequence[ReadSection]:
        """Return every section, ``[net]`` first."""

    @property
    def weights(self) -> NDArray[np.float32]:
        """Return all numbers of the weights file behind its header."""


def build_darknet(model: ReadDarknet) -> LoadedDetector:
    """Return the detector of YOLOv3, YOLOv4 or a relative; it takes RGB images in 0..1.

    Predictions come out decoded, ``(N, A, 5 + K)``: centre and size in pixels, objectness, class
    scores. Every weight of the file has its place.

    Raises:
        ModelError: A section is of a kind or has an option that edgekit does not compute, parts
            do not fit together, or the weights are more or fewer than the layers need.
    """
    sections = [DarknetSection(read, place - 1) for place, read in enumerate(model.sections)]
    where = sections[0].read.where
    weights = DarknetWeights(model.weights, where)
    network = DarknetNetwork(sections[0].whole("channels", 3, 1), weights)
    for section in sections[1:]:
        add_layer(section, network)
    network.weights.finish()
    return _detector(network, sections[0])


def _detector(network: DarknetNetwork, net: DarknetSection) -> LoadedDetector:
    if not network.yolo:
        raise ModelError(
            f"{net.read.where}: expected a [yolo] layer, found none: it is no detector edgekit "
            "knows. YOLOv2 and older networks end in [region] or [detection]."
        )
    levels = tuple(level for _, level, _ in network.yolo)
    head = YoloHead(levels)
    module = RoutedNetwork(
        [*(layer.module for layer in network.layers), head],
        [*(layer.source for layer in network.layers), tuple(at for at, _, _ in network.yolo)],
    )
    module.eval().requires_grad_(requires_grad=False)
    strides = tuple(level.stride for level in levels)
    _try(module, network.width, int(2 * max(strides)), net.read.where)
    height, width = net.whole("height", 416, 1), net.whole("width", 416, 1)
    newer = any(isinstance(part, nn.Mish) for part in module.modules())
    newer = newer or any(level.xy_scale != 1 or level.activated for level in levels)
    return LoadedDetector(
        module,
        "yolov4" if newer else "yolov3",
        (),
        strides,
        end_to_end=False,
        notes=(f"The configuration takes images of {width} x {height}.",),
        side=max(height, width),
    )


def _try(module: nn.Module, channels: int, side: int, where: str) -> None:
    """Run a small image through, so that layers that do not fit are found here."""
    try:
        with torch.inference_mode():
            module(torch.zeros(1, channels, side, side))
    except RuntimeError as err:
        first = str(err).partition("\n")[0]
        raise ModelError(
            f"{where}: expected layers that fit together, found: {first}. Take the "
            "configuration the weights were trained with."
        ) from err
