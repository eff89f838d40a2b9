"""Boxes of many images as columns, and the COCO evaluation of them by faster-coco-eval."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from faster_coco_eval import COCO, COCOeval_faster

from edgekit.images.classes import UNMATCHED

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from edgekit.values import Boxes, Dataset, Floats, Ints

Doubles = np.ndarray[Any, np.dtype[np.float64]]

MAX_DETECTIONS = 100
DETECTION_LIMITS = (1, 10, MAX_DETECTIONS)
IOU_THRESHOLDS = np.linspace(0.5, 0.95, 10)
RECALL_LEVELS = np.linspace(0.0, 1.0, 101)
AREA_RANGES = ("all", "small", "medium", "large")
ANY_AREA = (0.0, 1e10)
AREAS = {"small": (0.0, 32.0**2), "medium": (32.0**2, 96.0**2), "large": (96.0**2, 1e10)}


@dataclass(frozen=True, eq=False)
class FoundTable:
    """Detections of many images, ordered by image id, strongest first within an image.

    Attributes:
        images: ``(N,)`` image ids.
        categories: ``(N,)`` category ids.
        xywh: ``(N, 4)`` left, top, width, height in pixels, as the results file has them.
        scores: ``(N,)`` confidence in 0..1.
    """

    images: Ints
    categories: Ints
    xywh: Doubles
    scores: Doubles

    def records(self) -> list[dict[str, Any]]:
        """Return the detections in COCO results form."""
        columns = (self.images, self.categories, self.xywh, self.scores)
        return [
            {"image_id": image, "category_id": category, "bbox": bbox, "score": score}
            for image, category, bbox, score in zip(*(c.tolist() for c in columns), strict=True)
        ]


@dataclass(frozen=True, eq=False)
class TruthTable:
    """Objects of many images, ordered by image id.

    Attributes:
        images: ``(N,)`` image ids.
        categories: ``(N,)`` category ids.
        xywh: ``(N, 4)`` left, top, width, height in pixels.
        crowd: ``(N,)`` true where the box covers a group.
        areas: ``(N,)`` object area in square pixels.
    """

    images: Ints
    categories: Ints
    xywh: Doubles
    crowd: NDArray[np.bool_]
    areas: Doubles

    def records(self) -> list[dict[str, Any]]:
        """Return the objects in COCO annotation form, numbered from 1."""
        crowd = self.crowd.astype(int)
        columns = (self.images, self.categories, self.xywh, crowd, self.areas)
        return [
            {
                "id": number,
                "image_id": image,
                "category_id": category,
                "bbox": bbox,
                "iscrowd": is_crowd,
                "area": area,
            }
            for number, (image, category, bbox, is_crowd, area) in enumerate(
                zip(*(c.tolist() for c in columns), strict=True), start=1
            )
        ]


def found_table(
    boxes: Mapping[int, Boxes], image_ids: Sequence[int], category_ids: Sequence[int]
) -> FoundTable:
    """Return the detections of ``image_ids`` as columns.

    Args:
        boxes: Detections in pixels of the original image, by image id.
        image_ids: Which images, ascending.
        category_ids: Category id of each class of the model; detections of a class that is
            ``UNMATCHED`` are left out.
    """
    found = [boxes[i] for i in image_ids]
    images = np.repeat(np.asarray(image_ids, np.int64), [len(b) for b in found])
    names = np.asarray(category_ids, np.int64)
    categories = names[_stack([b.classes for b in found], np.int64)]
    kept = categories != UNMATCHED
    return FoundTable(
        images=images[kept],
        categories=categories[kept],
        # Five decimals: what the results file carries is exactly what is scored.
        xywh=np.round(xywh([b.xyxy for b in found]), 5)[kept],
        scores=_stack([b.scores for b in found], np.float64)[kept],
    )


def truth_table(dataset: Dataset, image_ids: Sequence[int]) -> TruthTable:
    """Return the annotated objects of ``image_ids`` (ascending) as columns."""
    by_id = {r.id: r.truth for r in dataset.records if r.truth is not None}
    truths = [by_id[i] for i in image_ids]
    return TruthTable(
        images=np.repeat(np.asarray(image_ids, np.int64), [len(t.categories) for t in truths]),
        categories=_stack([t.categories for t in truths], np.int64),
        # Annotations have two decimals; a third undoes the rounding of corners kept in float32.
        xywh=np.round(xywh([t.xyxy for t in truths]), 3),
        crowd=_stack([t.crowd for t in truths], np.bool_),
        areas=_stack([t.area for t in truths], np.float64),
    )


def truth_from_found(found: FoundTable, min_score: float) -> TruthTable:
    """Return the detections with a confidence of ``min_score`` or more as if they were objects.

    Of each image and category they are the strongest ``MAX_DETECTIONS``: no more detections are
    scored, so that every model would miss what lies beyond, the one that found it included.
    """
    rows = scored_rows(found)
    sure = rows[found.scores[rows] >= min_score]
    xywh = found.xywh[sure]
    return TruthTable(
        images=found.images[sure],
        categories=found.categories[sure],
        xywh=xywh,
        crowd=np.zeros(len(xywh), np.bool_),
        areas=xywh[:, 2] * xywh[:, 3],
    )


@dataclass(frozen=True, eq=False)
class Evaluated:
    """What COCO's evaluation finds, -1 where a category has no object.

    Attributes:
        precision: ``(10, 101, K, 4)`` by IoU threshold, recall level, category and area range.
        recall: ``(10, K, 4, L)`` highest recall by IoU threshold, category, area range and most
            detections per image and category.
    """

    precision: Doubles
    recall: Doubles


def evaluate(
    truth: TruthTable,
    found: FoundTable,
    image_ids: Sequence[int],
    categories: Sequence[int],
    limits: Sequence[int] = (MAX_DETECTIONS,),
) -> Evaluated:
    """Return COCO precision and recall of every category.

    Args:
        truth: Objects of these images.
        found: Detections of these images.
        image_ids: Which images.
        categories: Which category ids.
        limits: For recall: how many detections of an image and category count at most, rising;
            the last is the one for precision.
    """
    kinds = [{"id": c, "name": str(c)} for c in categories]
    images = [{"id": i} for i in image_ids]
    with _without_garbage_collection():
        evaluation = COCOeval_faster(
            _coco(images, kinds, truth.records()),
            _coco(images, kinds, _annotations(found)),
            iouType="bbox",
        )
        evaluation.params.maxDets = list(limits)
        evaluation.evaluate()
        evaluation.accumulate()
    return Evaluated(evaluation.eval["precision"][..., -1], evaluation.eval["recall"])


def scored_rows(found: FoundTable) -> Ints:
    """Return, ascending, the rows that are scored: the strongest of each image and category."""
    order = np.lexsort((-found.scores, found.categories, found.images))
    kinds = np.stack([found.images, found.categories], axis=1)[order]
    _, starts, counts = np.unique(kinds, axis=0, return_index=True, return_counts=True)
    ranks = np.arange(len(order)) - np.repeat(starts, counts)
    return np.sort(order[ranks < MAX_DETECTIONS])


def mean_valid(figures: Doubles) -> float | None:
    """Return the mean over what has objects, which is not -1; ``None`` where nothing has."""
    valid = figures[figures > -1]
    return float(valid.mean()) if valid.size else None


def xywh(corners: Sequence[Floats]) -> Doubles:
    """Return ``(N, 4)`` left, top, width, height of all boxes in ``corners``, in float64."""
    xyxy = np.concatenate([np.empty((0, 4)), *corners]).astype(np.float64)
    return np.concatenate([xyxy[:, :2], np.maximum(xyxy[:, 2:] - xyxy[:, :2], 0.0)], axis=1)


def _coco(
    images: list[dict[str, Any]], kinds: list[dict[str, Any]], records: list[dict[str, Any]]
) -> COCO:
    index = COCO()
    index.dataset = {"images": images, "categories": kinds, "annotations": records}
    index.createIndex()
    return index


def _annotations(found: FoundTable) -> list[dict[str, Any]]:
    """Return the detections as the library wants them, which is more than results hold."""
    areas = found.xywh[:, 2] * found.xywh[:, 3]
    columns = (found.images, found.categories, found.xywh, found.scores, areas)
    return [
        {
            "id": number,
            "image_id": image,
            "category_id": category,
            "bbox": bbox,
            "score": score,
            "area": area,
            "iscrowd": 0,
        }
        for number, (image, category, bbox, score, area) in enumerate(
            zip(*(c.tolist() for c in columns), strict=True), start=1
        )
    ]


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """Pause the search for cycles: among a million records it takes a quarter of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _stack(columns: list[Any], dtype: Any) -> NDArray[Any]:
    return np.concatenate([np.empty(0, dtype), *columns]).astype(dtype)
