"""Where a model loses against FP32: which detections, why, at which confidences, in what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from edgekit.measure.accuracy import AGREEMENT_CONFIDENCE, seen
from edgekit.measure.coco import found_table, truth_from_found, truth_table, xywh
from edgekit.measure.drops import Compared, causes, drops_by_class, drops_by_size
from edgekit.measure.fates import FATES, changes
from edgekit.measure.matches import match_image
from edgekit.measure.shift import PAIRED, Shift, scores_of, shift_of
from edgekit.measure.thresholds import best_point, restore, scale, scored

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from edgekit.measure.accuracy import Detections
    from edgekit.measure.drops import Causes, PartDrop
    from edgekit.measure.fates import Change, Fate
    from edgekit.measure.thresholds import Restored, Scored
    from edgekit.values import Boxes, Dataset, Truth

EXAMPLES = 3


@dataclass(frozen=True)
class FateCount:
    """How many detections came to one fate, and how many of these had found an object."""

    fate: Fate
    count: int
    right: int | None


@dataclass(frozen=True, eq=False)
class Diagnosis:
    """What became of FP32's detections in another model, and where its accuracy is lost.

    Attributes:
        confidence: From which on a detection counts.
        images: How many images it rests on.
        fates: Every fate, in the order of ``Fate``.
        examples: The strongest of every fate but ``kept``, at most three each.
        shift: Of the confidence scale; ``None`` where no detection has a partner.
        thresholds: Those that keep FP32's operating point at ``confidence``, then, with labels,
            at the best F1 of FP32; empty where the other model finds nothing at all.
        scale: Thresholds of FP32, each with the other model's that keeps as many detections.
        agreement_causes: Points of agreement lost, by what is wrong.
        map_causes: Points of mAP lost; ``None`` without labels.
        labelled: Whether ``classes`` and ``sizes`` are of mAP; of agreement where not.
        classes: Drop of every class, the largest first.
        sizes: Drop of small, medium and large objects.
    """

    confidence: float
    images: int
    fates: tuple[FateCount, ...]
    examples: tuple[Change, ...]
    shift: Shift | None
    thresholds: tuple[Restored, ...]
    scale: tuple[tuple[float, float], ...]
    agreement_causes: Causes
    map_causes: Causes | None
    labelled: bool
    classes: tuple[PartDrop, ...]
    sizes: tuple[PartDrop, ...]


def diagnose(
    base: Detections,
    other: Detections,
    dataset: Dataset,
    category_ids: Sequence[int] | None,
) -> Diagnosis | None:
    """Return where ``other`` loses against ``base``; ``None`` where that is sure of nothing.

    Args:
        base: Detections of FP32.
        other: Detections of the model under test.
        dataset: What both were made on.
        category_ids: Category id of each class; ``None`` where there are no labels. Where there
            are, at least one object is.
    """
    ids = seen(dataset, base, other)
    agreed, labelled = _against_base(base, other, ids), None
    if not len(agreed.truth.images):
        return None
    right: list[bool] | None = None
    told = changes(base.boxes, other.boxes, ids, AGREEMENT_CONFIDENCE)
    if category_ids is not None:
        truth = truth_table(dataset, ids)
        labelled = Compared(base.boxes, other.boxes, ids, truth, category_ids)
        right = _right_ones(told, labelled, dataset)
    main = labelled or agreed
    matches = main.matches(base.boxes), main.matches(other.boxes)
    first = scored(base.boxes, ids, None if labelled is None else matches[0])
    second = scored(other.boxes, ids, None if labelled is None else matches[1])
    return Diagnosis(
        confidence=AGREEMENT_CONFIDENCE,
        images=len(ids),
        fates=_counts(told, right),
        examples=_examples(told, agreed),
        shift=shift_of(told, (base.boxes, other.boxes), ids),
        thresholds=_restored(first, second),
        scale=scale(first, second) if len(second.scores) else (),
        agreement_causes=causes(agreed),
        map_causes=None if labelled is None else causes(labelled),
        labelled=labelled is not None,
        classes=drops_by_class(*matches),
        sizes=drops_by_size(main),
    )


def _against_base(base: Detections, other: Detections, ids: list[int]) -> Compared:
    """Return both models with what ``base`` is sure of as the truth, as agreement has it."""
    boxes = [b for d in (base, other) for b in d.boxes.values()]
    classes = range(1 + max((int(b.classes.max(initial=0)) for b in boxes), default=0))
    truth = truth_from_found(found_table(base.boxes, ids, classes), AGREEMENT_CONFIDENCE)
    return Compared(base.boxes, other.boxes, ids, truth, classes)


def _restored(base: Scored, other: Scored) -> tuple[Restored, ...]:
    """Return the thresholds for FP32's 0.25 and, with labels, for its best F1."""
    best = None if base.judged is None else best_point(base.judged)
    wanted = [AGREEMENT_CONFIDENCE, *([] if best is None else [best.confidence])]
    return tuple(restore(base, other, c) for c in wanted) if len(other.scores) else ()


def _right_ones(told: Sequence[Change], compared: Compared, dataset: Dataset) -> list[bool]:
    """Return of each change whether its detection had found a labelled object."""
    truths = {r.id: r.truth for r in dataset.records if r.truth is not None}
    right = [
        {i: _found_objects(boxes[i], truths[i], compared.category_ids) for i in compared.ids}
        for boxes in (compared.base, compared.other)
    ]
    return [bool(right[_side(c)][c.image][_row(c)]) for c in told]


def _found_objects(boxes: Boxes, truth: Truth, category_ids: Sequence[int]) -> NDArray[np.bool_]:
    """Return ``(N,)`` which detections find an object at IoU 0.5, as COCO matches them."""
    found, objects = xywh([boxes.xyxy]), xywh([truth.xyxy])
    right = np.zeros(len(boxes), np.bool_)
    for index in np.unique(boxes.classes).tolist():
        rows = np.flatnonzero(boxes.classes == index)
        rows = rows[np.argsort(-boxes.scores[rows], kind="stable")]
        there = truth.categories == category_ids[index]
        right[rows] = match_image(found[rows], objects[there], truth.crowd[there])[0][0]
    return right


def _counts(told: Sequence[Change], right: list[bool] | None) -> tuple[FateCount, ...]:
    counts = []
    for fate in FATES:
        rows = [number for number, change in enumerate(told) if change.fate == fate]
        found = None if right is None else sum(right[number] for number in rows)
        counts.append(FateCount(fate, len(rows), found))
    return tuple(counts)


def _examples(told: Sequence[Change], compared: Compared) -> tuple[Change, ...]:
    """Return the changes of each fate that matter most: of the largest change of confidence."""
    boxes = (compared.base, compared.other)

    def weight(change: Change) -> float:
        first, second = scores_of(change, boxes)
        return abs(first - second) if change.fate in PAIRED else max(first, second)

    ranked = sorted(told, key=lambda c: (-weight(c), c.image))
    of_fate = ([c for c in ranked if c.fate == fate][:EXAMPLES] for fate in FATES[1:])
    return tuple(change for some in of_fate for change in some)


def _side(change: Change) -> int:
    return int(change.base is None)


def _row(change: Change) -> int:
    row = change.other if change.base is None else change.base
    assert row is not None
    return row
