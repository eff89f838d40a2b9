"""A few evaluation images with what FP32 and INT8 found in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgekit.images.read import read_image
from edgekit.report.pictures import Gallery, Picture
from edgekit.values import Boxes

if TYPE_CHECKING:
    from edgekit.measure.accuracy import Detections
    from edgekit.pipeline.rows import Scores
    from edgekit.values import Dataset

SHOWN = 6
CONFIDENCE = 0.25


def gallery_of(
    dataset: Dataset | None, scores: dict[str, Scores], class_names: tuple[str, ...], name: str
) -> Gallery | None:
    """Return the images where the row ``name`` differs most and least from FP32.

    Images in which neither row is sure of anything are left out. ``None`` where that row is FP32,
    or nothing was scored.
    """
    if dataset is None or name == "fp32" or name not in scores:
        return None
    before, after = scores["fp32"].found, scores[name].found
    ranked = sorted(
        (r for r in dataset.records if _shows(before, r.id) or _shows(after, r.id)),
        key=lambda r: (-_difference(before, after, r.id), r.id),
    )
    shown = [*ranked[: SHOWN - 2], *ranked[-2:]] if len(ranked) > SHOWN else ranked
    pictures = []
    for record in shown:
        pixels_rgb = read_image(record).pixels_rgb
        assert pixels_rgb is not None
        pictures.append(
            Picture(
                record.path.name,
                pixels_rgb,
                _sure(before.boxes[record.id]),
                _sure(after.boxes[record.id]),
            )
        )
    chosen = (
        f"The {len(shown) - 2} images whose number and confidence of detections {name} changed "
        "most, and the 2 it changed least."
        if len(ranked) > SHOWN
        else f"All images in which fp32 or {name} is sure of anything."
    )
    return Gallery("fp32", name, class_names, CONFIDENCE, chosen, tuple(pictures))


def _difference(before: Detections, after: Detections, image: int) -> float:
    """Return how far apart the summed confidence and the number of sure detections are."""
    first, second = _sure(before.boxes[image]), _sure(after.boxes[image])
    return abs(len(first) - len(second)) + abs(float(first.scores.sum() - second.scores.sum()))


def _shows(detections: Detections, image: int) -> bool:
    boxes = detections.boxes.get(image)
    return boxes is not None and bool(len(_sure(boxes)))


def _sure(boxes: Boxes) -> Boxes:
    keep = boxes.scores >= CONFIDENCE
    return Boxes(boxes.xyxy[keep], boxes.scores[keep], boxes.classes[keep])
