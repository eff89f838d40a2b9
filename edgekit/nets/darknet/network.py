"""What the layers of a Darknet network are collected in while they are made."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from torch import nn

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from edgekit.nets.darknet.head import YoloLayer
    from edgekit.nets.darknet.section import DarknetSection
    from edgekit.nets.darknet.weights import DarknetWeights
    from edgekit.nets.networks.routed import Source

_ACTIVATIONS: Mapping[str, Callable[[], nn.Module]] = {
    "linear": nn.Identity,
    "leaky": lambda: nn.LeakyReLU(0.1),
    "logistic": nn.Sigmoid,
    "mish": nn.Mish,
    "relu": nn.ReLU,
    "swish": nn.SiLU,
}


class DarknetLayer(NamedTuple):
    """A module and what it gives.

    Attributes:
        module: Computes it.
        source: What it reads.
        width: Its channels; all numbers, where it has no rows and columns.
        stride: How many pixels a cell spans.
        flat: Whether it has no rows and columns.
    """

    module: nn.Module
    source: Source
    width: int
    stride: float
    flat: bool = False


class DarknetOutput(NamedTuple):
    """The one head of a network before YOLOv3.

    Attributes:
        place: Of the layer it reads.
        head: Decodes.
        family: ``yolov1`` or ``yolov2``.
        classes: As many as it tells apart.
    """

    place: int
    head: nn.Module
    family: str
    classes: int


@dataclass
class DarknetNetwork:
    """The layers so far, and the weights left for those to come.

    Attributes:
        width: Channels of the image.
        weights: What is left of them.
        size_hw: Rows and columns of the image that the configuration takes.
        yolo: The place, the options and the classes of every ``[yolo]`` so far.
        output: The ``[region]`` or ``[detection]``, if there is one.
    """

    width: int
    weights: DarknetWeights
    size_hw: tuple[int, int] = (416, 416)
    layers: list[DarknetLayer] = field(default_factory=list)
    yolo: list[tuple[int, YoloLayer, int]] = field(default_factory=list)
    output: DarknetOutput | None = None

    @property
    def last(self) -> int:
        """The place of the last layer."""
        return len(self.layers) - 1

    def at(self, place: int) -> DarknetLayer:
        """Return the layer at ``place``; -1 is the image."""
        image = DarknetLayer(nn.Identity(), -1, self.width, 1.0)
        return image if place == -1 else self.layers[place]

    def cells_hw(self, section: DarknetSection) -> tuple[int, int]:
        """Return the rows and columns of the map that ``section`` reads.

        Raises:
            ModelError: It has none, or they do not divide the image.
        """
        before = self.at(self.last)
        height, width = (side / before.stride for side in self.size_hw)
        if before.flat or not height.is_integer() or not width.is_integer():
            found = "none" if before.flat else f"{height:g} x {width:g}"
            raise section.error("whole rows and columns before it", found)
        return int(height), int(width)


def activation(section: DarknetSection, default: str) -> nn.Module:
    """Return the activation that ``section`` names.

    Raises:
        ModelError: It is not one that edgekit computes.
    """
    name = section.text("activation", default)
    if name not in _ACTIVATIONS:
        raise section.error(f"'activation' of {', '.join(_ACTIVATIONS)}", name)
    return _ACTIVATIONS[name]()
