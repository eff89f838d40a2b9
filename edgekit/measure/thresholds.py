"""Confidence thresholds: the best of one model, and those that keep another's operating point."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from edgekit.measure.statistics import BOUNDS, resampled

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from edgekit.measure.coco import Doubles
    from edgekit.measure.matches import ClassMatches
    from edgekit.values import Boxes, Ints


ENOUGH = 10


@dataclass(frozen=True)
class OperatingPoint:
    """The confidence with the best F1 at IoU 0.5, over all classes that have objects.

    Attributes:
        confidence: Threshold in 0..1.
        precision: Share of the detections above it that are right.
        recall: Share of the objects they find.
        f1: Harmonic mean of the two.
    """

    confidence: float
    precision: float
    recall: float
    f1: float


@dataclass(frozen=True, eq=False)
class Judged:
    """The detections of all classes that have objects, strongest first.

    Attributes:
        scores: ``(N,)`` confidence in 0..1.
        right: ``(N,)`` how many of the first 1..N found an object, at IoU 0.5.
        objects: How many there are to find.
    """

    scores: Doubles
    right: Ints
    objects: int

    @property
    def cuts(self) -> NDArray[np.bool_]:
        """``(N,)`` where a threshold may cut: it keeps all equal scores or none of them."""
        return _cuts(self.scores)


@dataclass(frozen=True, eq=False)
class Scored:
    """All detections of one model, strongest first.

    Attributes:
        scores: ``(N,)`` confidence in 0..1.
        places: ``(N,)`` position of the image among all images.
        images: How many images there are.
        judged: Against labels; ``None`` without them.
    """

    scores: Doubles
    places: Ints
    images: int
    judged: Judged | None = None


@dataclass(frozen=True)
class Kept:
    """What a confidence threshold keeps.

    Attributes:
        precision: ``None`` without labels, or where nothing is kept.
        recall: ``None`` without labels.
    """

    confidence: float
    detections: int
    precision: float | None = None
    recall: float | None = None


@dataclass(frozen=True)
class Restored:
    """Thresholds of one model that do what a threshold of another does.

    Attributes:
        base: The other model at its threshold.
        unchanged: This model at the same threshold.
        by_count: This model with as many detections as the other.
        by_count_ci95: 95 % interval of that threshold, over images.
        by_precision: The lowest threshold with the other's precision; ``None`` without labels,
            or where it is not reached.
        by_recall: The highest threshold with the other's recall; likewise.
    """

    base: Kept
    unchanged: Kept
    by_count: Kept
    by_count_ci95: tuple[float, float]
    by_precision: Kept | None = None
    by_recall: Kept | None = None


def judged(matches: Sequence[ClassMatches]) -> Judged:
    """Return the detections of all classes in one list, those on crowds left out."""
    counted = [~m.ignored[0] for m in matches]
    none = np.empty(0)
    scores = np.concatenate([none, *(m.scores[c] for m, c in zip(matches, counted, strict=True))])
    hits = [m.hits[0][c] for m, c in zip(matches, counted, strict=True)]
    order = np.argsort(-scores, kind="stable")
    right = np.cumsum(np.concatenate([none.astype(np.int64), *hits])[order])
    return Judged(scores[order], right, sum(int(m.objects.sum()) for m in matches))


def best_point(detections: Judged) -> OperatingPoint | None:
    """Return the confidence with the best F1 at IoU 0.5; ``None`` without a single hit."""
    right, objects = detections.right, detections.objects
    if not len(right) or not right[-1]:
        return None
    kept = np.arange(1, len(right) + 1)
    f1 = 2 * right / (kept + objects)
    best = int(np.argmax(np.where(detections.cuts, f1, -1.0)))
    return OperatingPoint(
        confidence=float(detections.scores[best]),
        precision=float(right[best] / kept[best]),
        recall=float(right[best] / objects),
        f1=float(f1[best]),
    )


def scored(
    boxes: Mapping[int, Boxes], ids: Sequence[int], matches: Sequence[ClassMatches] | None
) -> Scored:
    """Return the detections in ``ids`` as one list; judged where there are ``matches``."""
    scores = np.concatenate([np.empty(0), *(boxes[i].scores for i in ids)])
    places = np.repeat(np.arange(len(ids)), [len(boxes[i]) for i in ids])
    order = np.argsort(-scores, kind="stable")
    against = None if matches is None else judged(matches)
    return Scored(scores[order], places[order], len(ids), against)


def kept_at(detections: Scored, confidence: float) -> Kept:
    """Return what a threshold at ``confidence`` keeps."""
    count = int((detections.scores >= confidence).sum())
    if detections.judged is None:
        return Kept(confidence, count)
    against = detections.judged
    number = int((against.scores >= confidence).sum())
    right = int(against.right[number - 1]) if number else 0
    precision = right / number if number else None
    return Kept(confidence, count, precision, right / max(against.objects, 1))


def restore(base: Scored, other: Scored, confidence: float, resamples: int = 1000) -> Restored:
    """Return the thresholds at which ``other`` does what ``base`` does at ``confidence``.

    Where equal scores leave a choice of counts, the nearest is taken. Each threshold lies halfway
    between two scores, so that it makes no difference whether a runtime keeps equal ones.

    Args:
        base: Detections of the model to compare with; some at or above ``confidence``.
        other: Detections of the model under test on the same images; not empty.
        confidence: Threshold of ``base``.
        resamples: How often the images are drawn anew for the interval.
    """
    wanted = kept_at(base, confidence)
    by_count = _halfway(other.scores)[_nearest_cut(other.scores, wanted.detections)]
    return Restored(
        base=wanted,
        unchanged=kept_at(other, confidence),
        by_count=kept_at(other, float(by_count)),
        by_count_ci95=_interval(base, other, confidence, resamples),
        by_precision=_by_precision(other, wanted),
        by_recall=_by_recall(other, wanted),
    )


def scale(base: Scored, other: Scored) -> tuple[tuple[float, float], ...]:
    """Return thresholds of ``base``, each with that of ``other`` that keeps as many detections.

    Both rise: it is a map from one model's confidence to the other's. Thresholds are tenths; one
    that keeps fewer than ten detections is left out.

    Args:
        base: Detections of the model to compare with.
        other: Detections of the model under test on the same images; not empty.
    """
    halfway = _halfway(other.scores)
    counts = {tenth / 10: int((base.scores >= tenth / 10).sum()) for tenth in range(1, 10)}
    return tuple(
        (confidence, float(halfway[_nearest_cut(other.scores, count)]))
        for confidence, count in counts.items()
        if count >= ENOUGH
    )


def _nearest_cut(scores: Doubles, count: int) -> int:
    """Return the index of the last score that a threshold keeps to keep about ``count``."""
    cuts = np.flatnonzero(_cuts(scores))
    return int(cuts[np.argmin(np.abs(cuts + 1 - count))])


def _cuts(scores: Doubles) -> NDArray[np.bool_]:
    last_of_equals: NDArray[np.bool_] = np.append(scores[1:], -1.0)[: len(scores)] != scores
    return last_of_equals


def _halfway(scores: Doubles) -> Doubles:
    """Return ``(N,)`` thresholds just after each score, the last as far below it as 0 allows."""
    halfway: Doubles = (scores + np.append(scores[1:], 0.0)) / 2
    return halfway


def _by_precision(other: Scored, wanted: Kept) -> Kept | None:
    against = other.judged
    if against is None or wanted.precision is None:
        return None
    precision = against.right / np.arange(1, len(against.right) + 1)
    reached = np.flatnonzero((precision >= wanted.precision) & against.cuts)
    return kept_at(other, float(_halfway(against.scores)[reached[-1]])) if len(reached) else None


def _by_recall(other: Scored, wanted: Kept) -> Kept | None:
    against = other.judged
    if against is None or wanted.recall is None:
        return None
    hits = round(wanted.recall * against.objects)
    reached = np.flatnonzero((against.right >= hits) & against.cuts)
    return kept_at(other, float(_halfway(against.scores)[reached[0]])) if len(reached) else None


def _interval(
    base: Scored, other: Scored, confidence: float, resamples: int
) -> tuple[float, float]:
    """Return the 95 % interval of the threshold with equal counts, the images drawn anew."""
    sure = base.places[base.scores >= confidence]
    # A resample that needs more of them is one in some thousands: it takes the last.
    enough = 4 * len(sure) + 100
    places, halfway = other.places[:enough], _halfway(other.scores)[:enough]
    found = []
    for weights in resampled(np.random.default_rng(0), base.images, resamples):
        wanted = weights[sure].sum(axis=0)
        reached = (np.cumsum(weights[places], axis=0) < wanted).sum(axis=0)
        found.append(halfway[np.minimum(reached, len(halfway) - 1)])
    low, high = np.percentile(np.concatenate(found), BOUNDS)
    return float(low), float(high)
