"""Detections of two rows drawn side by side on a few images, what changed marked."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from edgekit.boxes import box_iou
from edgekit.errors import StageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgekit.values import Boxes, Pixels

LARGEST_HW = (480, 640)
JPEG_QUALITY = 80
SAME_IOU = 0.5


@dataclass(frozen=True, eq=False)
class Picture:
    """One image with what two rows found in it.

    Attributes:
        name: The image's file name.
        pixels_rgb: ``(H, W, 3)``, at any size.
        before: Detections of the FP32 row, in pixels of the image.
        after: Detections of the row it is compared with.
    """

    name: str
    pixels_rgb: Pixels
    before: Boxes
    after: Boxes


@dataclass(frozen=True, eq=False)
class Gallery:
    """Pictures of two rows of a report.

    Attributes:
        before: Name of the FP32 row.
        after: Name of the row it is compared with.
        class_names: By class index; shorter where the model names none.
        confidence: Every detection shown has at least this score.
        chosen: How the pictures were picked, as a sentence.
    """

    before: str
    after: str
    class_names: tuple[str, ...]
    confidence: float
    chosen: str
    pictures: tuple[Picture, ...]


@dataclass(frozen=True)
class Mark:
    """A box to draw, in pixels of the drawing."""

    x: float
    y: float
    width: float
    height: float
    label: str
    changed: bool


@dataclass(frozen=True)
class Drawing:
    """A picture ready for the page.

    Attributes:
        uri: The image, as a JPEG data URI.
        size_hw: Its height and width in pixels.
        lost: How many detections of the FP32 row the other lacks.
        new: How many detections of the other row FP32 lacks.
    """

    name: str
    uri: str
    size_hw: tuple[int, int]
    before: tuple[Mark, ...]
    after: tuple[Mark, ...]

    @property
    def lost(self) -> int:
        """How many detections of the FP32 row the other row lacks."""
        return sum(m.changed for m in self.before)

    @property
    def new(self) -> int:
        """How many detections of the other row FP32 lacks."""
        return sum(m.changed for m in self.after)


def draw(picture: Picture, class_names: tuple[str, ...] = ()) -> Drawing:
    """Return ``picture`` at the size of the page, every box with its label."""
    height, width = picture.pixels_rgb.shape[:2]
    scale = min(1.0, LARGEST_HW[0] / height, LARGEST_HW[1] / width)
    pixels = cv2.resize(picture.pixels_rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    before, after = picture.before, picture.after
    return Drawing(
        picture.name,
        _jpeg_uri(pixels.astype(np.uint8)),
        (pixels.shape[0], pixels.shape[1]),
        _marks(before, scale, unmatched(before, after), class_names),
        _marks(after, scale, unmatched(after, before), class_names),
    )


def unmatched(boxes: Boxes, others: Boxes) -> NDArray[np.bool_]:
    """Return ``(N,)`` which of ``boxes`` have no partner among ``others``.

    Partners have the same class and an IoU of at least 0.5; each box has one at most, and the
    pairs that overlap most come first.
    """
    iou = box_iou(boxes.xyxy, others.xyxy)
    iou = np.where(boxes.classes[:, None] == others.classes[None, :], iou, 0.0)
    alone = np.ones(len(boxes), bool)
    for _ in range(min(iou.shape)):
        best = np.unravel_index(np.argmax(iou), iou.shape)
        if iou[best] < SAME_IOU:
            break
        alone[best[0]] = False
        iou[best[0], :] = iou[:, best[1]] = 0.0
    return alone


def _marks(
    boxes: Boxes, scale: float, changed: NDArray[np.bool_], class_names: tuple[str, ...]
) -> tuple[Mark, ...]:
    marks = []
    for box, score, cls, new in zip(boxes.xyxy, boxes.scores, boxes.classes, changed, strict=True):
        left, top, right, bottom = (float(v) * scale for v in box)
        name = class_names[cls] if cls < len(class_names) else f"class {cls}"
        label = f"{name} {score:.2f}"
        marks.append(Mark(left, top, right - left, bottom - top, label, bool(new)))
    return tuple(marks)


def _jpeg_uri(pixels_rgb: Pixels) -> str:
    bgr = cv2.cvtColor(pixels_rgb, cv2.COLOR_RGB2BGR)
    done, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    if not done:
        raise StageError(f"Cannot write an image of shape {pixels_rgb.shape} as JPEG.")
    return "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode("ascii")
