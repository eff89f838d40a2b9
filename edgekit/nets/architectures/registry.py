"""The published networks edgekit knows by name, so that weights alone can be loaded."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from torch import nn


@dataclass(frozen=True)
class ClassCount:
    """Where a state dictionary tells how many classes the network knows.

    Attributes:
        key: A tensor of the head whose first axis grows with the classes.
        cells: Predictions per cell in that tensor: the anchors of an anchor head.
        besides: Outputs of a prediction that are no class: 5 for box and objectness.
    """

    key: str
    cells: int = 1
    besides: int = 0

    def of(self, shapes: Mapping[str, Sequence[int]]) -> int | None:
        """Return the classes of a state dictionary with ``shapes``; ``None`` if it does not fit."""
        shape = tuple(shapes.get(self.key, ()))
        if not shape or shape[0] % self.cells:
            return None
        classes = shape[0] // self.cells - self.besides
        return classes if classes > 0 else None


@dataclass(frozen=True)
class Architecture:
    """A published network.

    Attributes:
        name: As it is known, ``yolo11n``.
        family: ``yolo11``.
        build: Takes the number of classes. The keys and shapes of the module's state dictionary
            are those its package saves; in evaluation mode it takes images ``(N, 3, H, W)`` in
            0..1 and gives decoded predictions.
        parameters: Of the deployed network, as published: ``2.6M``.
        gmacs: Thousand millions of multiply-accumulates of one image, as published (half of
            "FLOPs").
        source: Where these two figures are printed.
        classes: Where a state dictionary tells the number of classes.
        side: Of the square image ``gmacs`` are for, in pixels.
        strides: Of the maps the head reads, in pixels.
        training_only: Starts of keys of what the deployed network does without.
    """

    name: str
    family: str
    build: Callable[[int], nn.Module]
    parameters: str
    gmacs: float
    source: str
    classes: ClassCount
    side: int = 640
    strides: tuple[int, ...] = (8, 16, 32)
    training_only: tuple[str, ...] = ()


_ALL: tuple[Architecture, ...] = ()

ARCHITECTURES: Mapping[str, Architecture] = MappingProxyType({of.name: of for of in _ALL})
"""Every known network by its name."""
