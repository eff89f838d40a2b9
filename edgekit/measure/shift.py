"""How the confidence scale of one model lies against another's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from edgekit.measure.statistics import BOUNDS, resampled
from edgekit.values import Interval

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from edgekit.measure.coco import Doubles
    from edgekit.measure.fates import Change
    from edgekit.values import Boxes

    Pair = tuple[Mapping[int, Boxes], Mapping[int, Boxes]]

PAIRED = ("kept", "faded", "risen")
QUANTILES = (0.05, 0.25, 0.75, 0.95)


@dataclass(frozen=True)
class Shift:
    """Confidence of one model less that of another, over the detections that both have.

    Attributes:
        pairs: How many detections.
        median: With its 95 % interval over images.
        quantiles: 5 %, 25 %, 75 % and 95 % of the differences.
    """

    pairs: int
    median: Interval
    quantiles: tuple[float, ...]


def shift_of(changes: Sequence[Change], boxes: Pair, ids: Sequence[int]) -> Shift | None:
    """Return how far confidences moved; ``None`` where no detection has a partner.

    Pairs of the same class and place count where either model is sure: choosing them by one
    model's confidence would show the other's as lower, however alike the two are.

    Args:
        changes: What became of every detection.
        boxes: Of both models, by image id.
        ids: Which images, ascending.
    """
    place = {image: number for number, image in enumerate(ids)}
    pairs = [(place[c.image], *scores_of(c, boxes)) for c in changes if c.fate in PAIRED]
    if not pairs:
        return None
    places, first, second = (np.array(column) for column in zip(*pairs, strict=True))
    shifts = second - first
    quantiles = np.quantile(shifts, QUANTILES)
    return Shift(len(pairs), _median(shifts, places, len(ids)), tuple(map(float, quantiles)))


def scores_of(change: Change, boxes: Pair) -> tuple[float, float]:
    """Return the confidence of both detections of ``change``; 0 where there is none."""
    first, second = (b[change.image].scores for b in boxes)
    return (
        0.0 if change.base is None else float(first[change.base]),
        0.0 if change.other is None else float(second[change.other]),
    )


def _median(shifts: Doubles, places: Doubles, images: int) -> Interval:
    """Return the median and its 95 % interval, whole images drawn anew: theirs move together."""
    order = np.argsort(shifts, kind="stable")
    ordered, where = shifts[order], places[order]
    found = []
    for weights in resampled(np.random.default_rng(0), images, 1000):
        upto = np.cumsum(weights[where], axis=0)
        found.append(ordered[(2 * upto < upto[-1]).sum(axis=0).clip(max=len(ordered) - 1)])
    low, high = np.percentile(np.concatenate(found), BOUNDS)
    return Interval(float(np.median(shifts)), float(low), float(high))
