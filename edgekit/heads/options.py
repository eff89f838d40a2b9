"""What a user can answer when a graph leaves its head open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

# What a user may call a head: the kind itself, or a family that has it.
KINDS: dict[str, str] = {
    "decoded": "decoded",
    "distances": "distances",
    "yolov8": "distances",
    "picodet": "distances",
    "nanodet": "distances",
    "anchors": "anchors",
    "yolov3": "anchors",
    "yolov5": "anchors",
    "yolov7": "anchors",
    "grid": "grid",
    "yolox": "grid",
}

AnchorSize = Literal["exp", "squared-sigmoid"]
Anchors = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class HeadOptions:
    """Answers to what a graph leaves open; everything else is found.

    Attributes:
        kind: One of ``KINDS``; a family with published anchors stands for them too.
        classes: How many classes the model has.
        anchors: Width and height in pixels, smallest stride first, in the network's order.
        size: How a raw size scales its anchor.
        background: Which score column means no object.
    """

    kind: str | None = None
    classes: int | None = None
    anchors: Anchors | None = None
    size: AnchorSize | None = None
    background: int | None = None


@dataclass(frozen=True)
class AnchorSet:
    """Published anchors and the formula they go with."""

    anchors: Anchors
    size: AnchorSize
    xy_scale: float


_YOLOV3: Anchors = (
    *((10, 13), (16, 30), (33, 23)),
    *((30, 61), (62, 45), (59, 119)),
    *((116, 90), (156, 198), (373, 326)),
)
_YOLOV4: Anchors = (
    *((12, 16), (19, 36), (40, 28)),
    *((36, 75), (76, 55), (72, 146)),
    *((142, 110), (192, 243), (459, 401)),
)

# Source: the configuration files published with each family (yolov3.cfg, yolov5s.yaml,
# yolov7.yaml), trained on COCO.
PUBLISHED: dict[str, AnchorSet] = {
    "yolov3": AnchorSet(_YOLOV3, "exp", 1.0),
    "yolov5": AnchorSet(_YOLOV3, "squared-sigmoid", 2.0),
    "yolov7": AnchorSet(_YOLOV4, "squared-sigmoid", 2.0),
}
