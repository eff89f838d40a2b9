"""From the sections and weights of a Darknet network to a detector of torch modules."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

import torch
from torch import nn

from edgekit.errors import ModelError
from edgekit.nets.blocks.yolo import ConvBlock
from edgekit.nets.darknet.head import YoloHead
from edgekit.nets.darknet.network import DarknetNetwork
from edgekit.nets.darknet.parts import add_layer
from edgekit.nets.darknet.section import DarknetSection
from edgekit.nets.darknet.weights import DarknetWeights
from edgekit.nets.networks.routed import RoutedNetwork
from edgekit.nets.stored.build import LoadedDetector

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from edgekit.nets.darknet.section import ReadSection


class ReadDarknet(Protocol):
    """A configuration and its weights as plain data."""

    @property
    def sections(self) -> Sequence[ReadSection]:
        """Return every section, ``[net]`` first."""

    @property
    def weights(self) -> NDArray[np.float32]:
        """Return all numbers of the weights file behind its header."""

    @property
    def transposed(self) -> bool:
        """Return whether the matrices of connected layers have their inputs first."""


def build_darknet(model: ReadDarknet) -> LoadedDetector:
    """Return the detector of YOLO to YOLOv4 or a relative; it takes RGB images in 0..1.

    Predictions come out decoded. From YOLOv3 on they are ``(N, A, 5 + K)``: centre and size in
    pixels, objectness, class scores. Before, class scores are times objectness already,
    ``(N, A, 4 + K)``, and boxes of the first YOLO are in fractions of the image. Every weight of
    the file has its place.

    Raises:
        ModelError: A section is of a kind or has an option that edgekit does not compute, parts
            do not fit together, or the weights are more or fewer than the layers need.
    """
    sections = [DarknetSection(read, place - 1) for place, read in enumerate(model.sections)]
    net, where = sections[0], sections[0].read.where
    weights = DarknetWeights(model.weights, where, transposed=model.transposed)
    size_hw = (net.whole("height", 416, 1), net.whole("width", 416, 1))
    network = DarknetNetwork(net.whole("channels", 3, 1), weights, size_hw)
    for section in sections[1:]:
        add_layer(section, network)
    network.weights.finish()
    if network.output is not None and network.yolo:
        raise net.error("one kind of head", "[yolo] and an older one")
    made = _head(network, where)
    module = RoutedNetwork(
        [*(layer.module for layer in network.layers), made.module],
        [*(layer.source for layer in network.layers), made.places],
    )
    module.eval().requires_grad_(requires_grad=False)
    flat = any(layer.flat for layer in network.layers)
    smallest = int(2 * max(made.strides))
    _try(module, (network.width, *(size_hw if flat else (smallest, smallest))), where)
    return LoadedDetector(
        module,
        made.family,
        (),
        made.strides,
        end_to_end=False,
        notes=(f"The configuration takes images of {size_hw[1]} x {size_hw[0]}.",),
        side=max(size_hw),
    )


class _Head(NamedTuple):
    """What decodes, the layers it reads, and what it says of the network."""

    module: nn.Module
    places: tuple[int, ...]
    family: str
    strides: tuple[float, ...]


def _head(network: DarknetNetwork, where: str) -> _Head:
    if network.output is not None:
        of = network.output
        return _Head(of.head, (of.place,), of.family, (network.at(of.place).stride,))
    if not network.yolo:
        raise ModelError(
            f"{where}: expected a [yolo] layer, a [region] or a [detection], found none: it is no "
            "detector edgekit knows. Name the configuration of a detector."
        )
    levels = tuple(level for _, level, _ in network.yolo)
    places = tuple(place for place, _, _ in network.yolo)
    newer = any(
        isinstance(layer.module, ConvBlock) and isinstance(layer.module.act, nn.Mish)
        for layer in network.layers
    )
    newer = newer or any(level.xy_scale != 1 or level.activated for level in levels)
    strides = tuple(level.stride for level in levels)
    return _Head(YoloHead(levels), places, "yolov4" if newer else "yolov3", strides)


def _try(module: nn.Module, shape: tuple[int, int, int], where: str) -> None:
    """Run an image through, so that layers that do not fit are found here."""
    try:
        with torch.inference_mode():
            module(torch.zeros(1, *shape))
    except RuntimeError as err:
        first = str(err).partition("\n")[0]
        raise ModelError(
            f"{where}: expected layers that fit together, found: {first}. Take the "
            "configuration the weights were trained with."
        ) from err
