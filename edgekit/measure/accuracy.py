"""How good a detector is: COCO accuracy against labels, agreement with another detector."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from edgekit.errors import DataError
from edgekit.images.read import read_image
from edgekit.measure.coco import (
    DETECTION_LIMITS,
    evaluate,
    found_table,
    mean_valid,
    truth_from_found,
    truth_table,
)
from edgekit.measure.confusion import confusion
from edgekit.measure.curves import curves
from edgekit.measure.matches import match
from edgekit.measure.predict import Predictor
from edgekit.measure.recall import average_recall
from edgekit.measure.statistics import map_drop_interval
from edgekit.measure.thresholds import best_point, judged
from edgekit.protocols import silent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from edgekit.measure.candidate import Candidate
    from edgekit.measure.coco import FoundTable, TruthTable
    from edgekit.measure.confusion import Confusion
    from edgekit.measure.curves import Curves
    from edgekit.measure.matches import ClassMatches
    from edgekit.measure.recall import AverageRecall
    from edgekit.measure.thresholds import OperatingPoint
    from edgekit.protocols import Progress
    from edgekit.values import Boxes, Category, Dataset, Interval

AGREEMENT_CONFIDENCE = 0.25


@dataclass(frozen=True, eq=False)
class Detections:
    """What one detector found in every image of a data set.

    Attributes:
        candidate: Name of the detector.
        boxes: Detections in pixels of the original image, by image id; readable images only.
        faults: What was wrong with image files, kind to how many.
    """

    candidate: str
    boxes: Mapping[int, Boxes]
    faults: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Accuracy:
    """COCO accuracy as fractions of 1; ``None`` where the images hold no such object.

    Attributes:
        map: mAP50-95, the mean over classes and IoU thresholds.
        images: How many images were scored.
        per_class: AP50-95 by category name, classes with objects only.
        recall: Average recall.
        detection: Best operating point; ``None`` without a single hit.
        curves: Precision and recall over confidence.
        confusion: Which classes are taken for which, at the best operating point, or at
            confidence 0.25 where there is none.
    """

    map: float
    map50: float
    map75: float
    map_small: float | None
    map_medium: float | None
    map_large: float | None
    images: int
    per_class: Mapping[str, float]
    recall: AverageRecall
    detection: OperatingPoint | None
    curves: Curves
    confusion: Confusion


@dataclass(frozen=True, eq=False)
class Matched:
    """What one detector found in labelled images, matched with what is there.

    Attributes:
        ids: The images, ascending.
        categories: Of the data set, by id.
        truth: Objects of the images.
        found: Detections in them.
        matches: Of every category with an object.
    """

    ids: Sequence[int]
    categories: Sequence[Category]
    truth: TruthTable
    found: FoundTable
    matches: tuple[ClassMatches, ...]


def detect_all(candidate: Candidate, dataset: Dataset, progress: Progress = silent) -> Detections:
    """Return what ``candidate`` finds in every readable image, down to its own confidence."""
    boxes: dict[int, Boxes] = {}
    faults: Counter[str] = Counter()
    with Predictor(candidate) as predictor:
        for done, record in enumerate(dataset.records):
            progress(f"detect {candidate.name}", done, len(dataset.records))
            image = read_image(record)
            faults.update(image.faults)
            if image.pixels_rgb is not None:
                boxes[record.id] = predictor.detect(image.pixels_rgb)
    progress(f"detect {candidate.name}", len(dataset.records), len(dataset.records))
    return Detections(candidate.name, boxes, dict(faults))


def coco_results(
    detections: Detections, dataset: Dataset, category_ids: Sequence[int]
) -> list[dict[str, Any]]:
    """Return every detection in COCO results form: exactly what ``score`` scores.

    Args:
        detections: Of one model.
        dataset: What they were made on.
        category_ids: Category id of each class of the model.
    """
    return found_table(detections.boxes, seen(dataset, detections), category_ids).records()


def score(detections: Detections, dataset: Dataset, category_ids: Sequence[int]) -> Accuracy:
    """Return the COCO accuracy of one model's detections.

    Args:
        detections: Of one model on ``dataset``.
        dataset: Labelled images.
        category_ids: Category id of each class of the model.

    Raises:
        DataError: The data set has no labels, or no object in the images that could be read.
    """
    return score_matched(matched(detections, dataset, category_ids, seen(dataset, detections)))


def matched(
    detections: Detections, dataset: Dataset, category_ids: Sequence[int], ids: Sequence[int]
) -> Matched:
    """Return the detections in some images matched with the objects there.

    Matching takes as long as scoring: do it once for all that is asked of a model.

    Args:
        detections: Of one model on ``dataset``.
        dataset: Labelled images.
        category_ids: Category id of each class of the model.
        ids: Which images, ascending; all of them ``seen`` by the model.

    Raises:
        DataError: The data set has no labels, or no object in these images.
    """
    _require_objects(dataset, ids)
    truth = truth_table(dataset, ids)
    found = found_table(detections.boxes, ids, category_ids)
    categories = sorted(dataset.categories, key=lambda c: c.id)
    return Matched(ids, categories, truth, found, match(truth, found, ids))


def score_matched(of: Matched) -> Accuracy:
    """Return the COCO accuracy of matched detections."""
    kinds = [c.id for c in of.categories]
    evaluated = evaluate(of.truth, of.found, of.ids, kinds, DETECTION_LIMITS)
    precision = evaluated.precision
    names = [c.name for c in of.categories]
    named = zip(names, np.moveaxis(precision[..., 0], 2, 0), strict=True)
    detections = judged(of.matches)
    point = best_point(detections)
    confidence = AGREEMENT_CONFIDENCE if point is None else point.confidence
    return Accuracy(
        map=mean_valid(precision[..., 0]) or 0.0,
        map50=mean_valid(precision[0, ..., 0]) or 0.0,
        map75=mean_valid(precision[5, ..., 0]) or 0.0,
        map_small=mean_valid(precision[..., 1]),
        map_medium=mean_valid(precision[..., 2]),
        map_large=mean_valid(precision[..., 3]),
        images=len(of.ids),
        per_class={name: ap for name, p in named if (ap := mean_valid(p)) is not None},
        recall=average_recall(evaluated.recall),
        detection=point,
        curves=curves(detections, precision[0, ..., 0]),
        confusion=confusion(of.truth, of.found, dict(zip(kinds, names, strict=True)), confidence),
    )


def map_drop(
    base: Detections,
    other: Detections,
    dataset: Dataset,
    category_ids: Sequence[int],
    *,
    resamples: int = 1000,
) -> Interval:
    """Return how many points of mAP ``other`` loses against ``base``, with its 95 % interval.

    Raises:
        DataError: The data set has no labels, or no object in the images that could be read.
    """
    ids = seen(dataset, base, other)
    both = [matched(d, dataset, category_ids, ids).matches for d in (base, other)]
    return map_drop_interval(both[0], both[1], resamples=resamples)


def agreement(reference: Detections, other: Detections, dataset: Dataset) -> float | None:
    """Return COCO AP of ``other`` with the sure detections of ``reference`` taken as truth.

    No labels are needed. Sure is a confidence of 0.25 or more.

    Returns:
        A fraction of 1; ``None`` where the reference is sure of nothing.
    """
    ids = seen(dataset, reference, other)
    classes = range(1 + max(_last_class(reference), _last_class(other)))
    truth = truth_from_found(found_table(reference.boxes, ids, classes), AGREEMENT_CONFIDENCE)
    found = found_table(other.boxes, ids, classes)
    return mean_valid(evaluate(truth, found, ids, classes).precision[..., 0])


def seen(dataset: Dataset, *detections: Detections) -> list[int]:
    """Return the ids, ascending, of the images that could be read for every model."""
    return sorted(r.id for r in dataset.records if all(r.id in d.boxes for d in detections))


def _require_objects(dataset: Dataset, image_ids: Sequence[int]) -> None:
    if not dataset.labelled:
        raise DataError(
            f"{dataset.name}: mAP needs labels on every image, found images without any. "
            "Give a COCO json, a YOLO data.yaml or a VOC folder, or use agreement instead."
        )
    if truth_table(dataset, image_ids).crowd.all():
        raise DataError(
            f"{dataset.name}: mAP needs at least one labelled object, found none in "
            f"{len(image_ids)} readable images. Check that the labels belong to these images."
        )


def _last_class(detections: Detections) -> int:
    return max((int(b.classes.max(initial=0)) for b in detections.boxes.values()), default=0)
