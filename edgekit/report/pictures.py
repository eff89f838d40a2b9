"""Detections of two rows drawn side by side on a few images, what changed marked."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from edgekit.boxes import box_iou, pair_up
from edgekit.errors import StageError
from edgekit.report.label_places import Labelled, Rect, place_labels

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from edgekit.values import Boxes, Pixels

SIZE_HW = (480, 640)
MOST_ENLARGED = 4.0
JPEG_QUALITY = 90
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
    """A box to draw.

    Attributes:
        box: In pixels of the drawing.
        label: Class and confidence.
        changed: Whether the other row has no partner for it.
        text: What is written beside it.
        place: Where; ``None`` where there is no room.
    """

    box: Rect
    label: str
    changed: bool
    text: str
    place: Rect | None


@dataclass(frozen=True)
class Drawing:
    """A picture ready for the page.

    Attributes:
        uri: The image, as a JPEG data URI, with fewer pixels than the drawing where it is small.
        size_hw: Height and width of the drawing, in pixels.
        before: Detections of the FP32 row.
        after: Detections of the other row.
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
    scale = min(SIZE_HW[0] / height, SIZE_HW[1] / width, MOST_ENLARGED)
    size_hw = max(round(height * scale), 1), max(round(width * scale), 1)
    pixels = picture.pixels_rgb
    if scale < 1:
        pixels = cv2.resize(pixels, size_hw[::-1], interpolation=cv2.INTER_AREA).astype(np.uint8)
    before, after = picture.before, picture.after
    lost, new = unmatched(before, after), unmatched(after, before)
    return Drawing(
        picture.name,
        _jpeg_uri(pixels),
        size_hw,
        _marks(_labelled(before, scale, class_names), np.where(lost, "lost ", ""), size_hw),
        _marks(_labelled(after, scale, class_names), np.where(new, "new ", ""), size_hw),
    )


def unmatched(boxes: Boxes, others: Boxes) -> NDArray[np.bool_]:
    """Return ``(N,)`` which of ``boxes`` have no partner among ``others``.

    Partners have the same class and an IoU of at least 0.5; each box has one at most, and the
    pairs that overlap most come first.
    """
    iou = box_iou(boxes.xyxy, others.xyxy)
    iou = np.where(boxes.classes[:, None] == others.classes[None, :], iou, 0.0)
    alone = np.ones(len(boxes), bool)
    alone[[row for row, _ in pair_up(iou, SAME_IOU)]] = False
    return alone


def _labelled(
    boxes: Boxes, scale: float, class_names: tuple[str, ...]
) -> Iterator[tuple[Rect, str]]:
    """Yield each box in pixels of the drawing, and what it is."""
    for xyxy, score, cls in zip(boxes.xyxy, boxes.scores, boxes.classes, strict=True):
        left, top, right, bottom = (float(v) * scale for v in xyxy)
        name = class_names[cls] if cls < len(class_names) else f"class {cls}"
        yield Rect(left, top, right - left, bottom - top), f"{name} {score:.2f}"


def _marks(
    labelled: Iterable[tuple[Rect, str]], words: NDArray[np.str_], size_hw: tuple[int, int]
) -> tuple[Mark, ...]:
    """Return the boxes with their labels placed; ``words`` say of each how it changed, if so."""
    wanted = [
        (Labelled(box, f"{word}{label}", needed=bool(word)), label)
        for (box, label), word in zip(labelled, words, strict=True)
    ]
    places = place_labels([item for item, _ in wanted], size_hw)
    return tuple(
        Mark(item.box, label, item.needed, item.text, place)
        for (item, label), place in zip(wanted, places, strict=True)
    )


def _jpeg_uri(pixels_rgb: Pixels) -> str:
    bgr = cv2.cvtColor(pixels_rgb, cv2.COLOR_RGB2BGR)
    done, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    if not done:
        raise StageError(f"Cannot write an image of shape {pixels_rgb.shape} as JPEG.")
    return "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode("ascii")
