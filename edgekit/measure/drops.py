"""Where in the data mAP is lost: by class, by size of the objects, and by what is wrong."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from edgekit.boxes import box_iou, pair_up
from edgekit.measure.coco import AREAS, found_table
from edgekit.measure.fates import SAME_IOU
from edgekit.measure.matches import match
from edgekit.measure.statistics import map_drop_interval, map_drop_intervals, weighted_map

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from edgekit.measure.coco import TruthTable
    from edgekit.measure.matches import ClassMatches
    from edgekit.values import Boxes, Interval

# Fewer leave an interval that is wider than any loss worth knowing of.
ENOUGH_OBJECTS = 20
ENOUGH_IMAGES = 10


@dataclass(frozen=True, eq=False)
class Compared:
    """Two models on the same images.

    Attributes:
        base: Detections of the model to compare with, by image id.
        other: Detections of the model under test.
        ids: Which images, ascending.
        truth: What is there: labels, or what the first model is sure of.
        category_ids: Category id in ``truth`` of each class.
    """

    base: Mapping[int, Boxes]
    other: Mapping[int, Boxes]
    ids: Sequence[int]
    truth: TruthTable
    category_ids: Sequence[int]

    def matches(
        self, boxes: Mapping[int, Boxes], areas: tuple[float, float] | None = None
    ) -> tuple[ClassMatches, ...]:
        """Return the matches of some detections, of objects within ``areas`` only."""
        found = found_table(boxes, self.ids, self.category_ids)
        if areas is None:
            return match(self.truth, found, self.ids)
        return match(self.truth, found, self.ids, areas)


@dataclass(frozen=True)
class PartDrop:
    """mAP on the objects of one class or size.

    Attributes:
        category: Category id; ``None`` for a size.
        size: ``small``, ``medium`` or ``large``; ``None`` for a class.
        objects: How many there are.
        images: How many images have one.
        base: mAP50-95 of the model to compare with, a fraction.
        other: That of the model under test.
        drop: Points lost, with the paired interval; ``None`` with too few objects to tell.
    """

    category: int | None
    size: str | None
    objects: int
    images: int
    base: float
    other: float
    drop: Interval | None


@dataclass(frozen=True)
class Causes:
    """Points of mAP lost by what is wrong with the detections; they add up to the whole loss.

    Attributes:
        confidence: Lost because detections of both models are scored differently.
        place: Lost because their boxes are.
        presence: Lost because a detection is there in one model only, or of another class.
    """

    confidence: Interval
    place: Interval
    presence: Interval


def drops_by_class(
    base: Sequence[ClassMatches], other: Sequence[ClassMatches]
) -> tuple[PartDrop, ...]:
    """Return the drop of every class that has objects, the largest first.

    Args:
        base: Matches of the model to compare with, against the same objects.
        other: Matches of the model under test.
    """
    parts = (
        _part([first], [second], category=first.category)
        for first, second in zip(base, other, strict=True)
    )
    return tuple(sorted(parts, key=lambda p: p.other - p.base))


def drops_by_size(compared: Compared) -> tuple[PartDrop, ...]:
    """Return the drop of small, medium and large objects, sizes without any left out."""
    return tuple(_drops_by_size(compared))


def causes(compared: Compared) -> Causes:
    """Return how many points are lost to wrong confidences, places and detections.

    The model under test is given, for each detection that both models have, the other's
    confidence, then its box too: what that wins back was lost to them, the rest to detections
    that only one has.
    """
    rescored, replaced = {}, {}
    for image in compared.ids:
        pairs = _same(compared.base[image], compared.other[image])
        rescored[image] = _taken_over(compared.base[image], compared.other[image], pairs)
        replaced[image] = _moved_to(compared.base[image], rescored[image], pairs)
    steps = [compared.matches(b) for b in (compared.base, replaced, rescored, compared.other)]
    presence, place, confidence = map_drop_intervals(steps)
    return Causes(confidence=confidence, place=place, presence=presence)


def _drops_by_size(compared: Compared) -> Iterator[PartDrop]:
    for size, areas in AREAS.items():
        first, second = (compared.matches(b, areas) for b in (compared.base, compared.other))
        if first:
            yield _part(first, second, size=size)


def _part(
    base: Sequence[ClassMatches],
    other: Sequence[ClassMatches],
    category: int | None = None,
    size: str | None = None,
) -> PartDrop:
    per_image = np.sum([m.objects for m in base], axis=0)
    once = np.ones((len(per_image), 1), np.int32)
    objects, images = int(per_image.sum()), int((per_image > 0).sum())
    told = objects >= ENOUGH_OBJECTS and images >= ENOUGH_IMAGES
    return PartDrop(
        category=category,
        size=size,
        objects=objects,
        images=images,
        base=float(weighted_map(base, once)[0]),
        other=float(weighted_map(other, once)[0]),
        drop=map_drop_interval(base, other) if told else None,
    )


def _same(base: Boxes, other: Boxes) -> list[tuple[int, int]]:
    iou = box_iou(base.xyxy, other.xyxy)
    return pair_up(np.where(base.classes[:, None] == other.classes[None, :], iou, 0), SAME_IOU)


def _taken_over(base: Boxes, other: Boxes, pairs: Sequence[tuple[int, int]]) -> Boxes:
    scores = other.scores.copy()
    for first, second in pairs:
        scores[second] = base.scores[first]
    return replace(other, scores=scores)


def _moved_to(base: Boxes, other: Boxes, pairs: Sequence[tuple[int, int]]) -> Boxes:
    xyxy = other.xyxy.copy()
    for first, second in pairs:
        xyxy[second] = base.xyxy[first]
    return replace(other, xyxy=xyxy)
