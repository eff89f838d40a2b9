"""How sure a figure is: bootstrap intervals over images and over rounds."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np

from edgekit.measure.coco import RECALL_LEVELS
from edgekit.values import Interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from edgekit.measure.coco import Doubles
    from edgekit.measure.matches import ClassMatches

    Weights = NDArray[np.integer[Any]]

BOUNDS = (2.5, 97.5)
_CHUNK = 125


def weighted_map(matches: Sequence[ClassMatches], weights: Weights) -> Doubles:
    """Return mAP50-95 with each image counted as often as its weight says.

    Args:
        matches: Every category with an object, over the same images.
        weights: ``(I, B)`` how often image I counts in resample B.

    Returns:
        ``(B,)`` fractions; NaN where no object is left.
    """
    scores = np.stack([_average_precision(m, weights) for m in matches])
    present = ~np.isnan(scores)
    total = np.where(present, scores, 0.0).sum(axis=0)
    count = present.sum(axis=0)
    mean: Doubles = np.divide(total, count, out=np.full(count.shape, np.nan), where=count > 0)
    return mean


def map_drop_interval(
    base: Sequence[ClassMatches],
    other: Sequence[ClassMatches],
    *,
    resamples: int = 1000,
    seed: int = 0,
) -> Interval:
    """Return how many points of mAP ``other`` loses against ``base``, with its 95 % interval.

    Paired bootstrap over images: both models are scored on the same resampled images.

    Args:
        base: Matches of the reference, at least one category.
        other: Matches of the model under test, on the same images.
        resamples: How often the images are drawn anew.
        seed: Of the draws.
    """
    return map_drop_intervals((base, other), resamples=resamples, seed=seed)[0]


def map_drop_intervals(
    models: Sequence[Sequence[ClassMatches]], *, resamples: int = 1000, seed: int = 0
) -> tuple[Interval, ...]:
    """Return how many points of mAP each model loses against the one before it.

    All models are scored on the same resampled images, so that losses add up.

    Args:
        models: Matches of each, on the same images; at least one category and two models.
        resamples: How often the images are drawn anew.
        seed: Of the draws.
    """
    images = len(models[0][0].objects)
    rng = np.random.default_rng(seed)

    def drops_of(weights: Weights) -> Doubles:
        return -100 * np.diff([weighted_map(m, weights) for m in models], axis=0)

    once = drops_of(np.ones((images, 1), np.int32))[:, 0]
    with ThreadPoolExecutor() as threads:
        drawn = list(threads.map(drops_of, resampled(rng, images, resamples)))
    low, high = np.nanpercentile(np.concatenate(drawn, axis=1), BOUNDS, axis=1)
    return tuple(Interval(*map(float, bounds)) for bounds in zip(once, low, high, strict=True))


def median_interval(values: Sequence[float], *, resamples: int = 2000, seed: int = 0) -> Interval:
    """Return the median of ``values`` with its 95 % bootstrap interval."""
    sample = np.asarray(values, np.float64)
    draws = np.random.default_rng(seed).integers(0, len(sample), (resamples, len(sample)))
    low, high = np.percentile(np.median(sample[draws], axis=1), BOUNDS)
    return Interval(float(np.median(sample)), float(low), float(high))


def resampled(rng: np.random.Generator, images: int, resamples: int) -> list[Weights]:
    """Return image weights ``(I, <=125)`` in chunks: memory stays small, threads share them."""
    sizes = [min(_CHUNK, resamples - start) for start in range(0, resamples, _CHUNK)]
    even = np.full(images, 1 / images)
    return [rng.multinomial(images, even, size).T.astype(np.int32, order="C") for size in sizes]


def _average_precision(matches: ClassMatches, weights: Weights) -> Doubles:
    """Return ``(B,)`` AP50-95 of one category, NaN where a resample holds none of its objects.

    Between two detections that hit or are ignored at some threshold lie only misses, which count
    alike at all thresholds: their weights are summed once.
    """
    total = matches.objects @ weights
    points = np.flatnonzero((matches.hits | matches.ignored).any(axis=0))
    if not len(points):
        return np.where(total > 0, 0.0, np.nan)
    at_points = weights[matches.images[points]]
    before = _seen_before(matches.images, points, weights)
    sums = [
        _interpolated(hits, ignored, at_points, before, total)
        for hits, ignored in zip(matches.hits[:, points], matches.ignored[:, points], strict=True)
    ]
    mean: Doubles = np.mean(sums, axis=0)
    return np.where(total > 0, mean, np.nan)


def _seen_before(images: Weights, points: Weights, weights: Weights) -> Weights:
    """Return ``(P, B)`` the weight of all detections up to and with each point."""
    starts = np.concatenate([[0], points[:-1] + 1])
    upto = images[: points[-1] + 1]
    sums: Weights = np.add.reduceat(weights[upto], starts, axis=0)
    return np.cumsum(sums, axis=0)


def _interpolated(
    hits: NDArray[np.bool_],
    ignored: NDArray[np.bool_],
    at_points: Weights,
    before: Weights,
    total: Weights,
) -> Doubles:
    """Return ``(B,)`` mean precision over the 101 recall levels at one IoU threshold."""
    if not hits.any():
        return np.zeros(len(total))
    found = np.cumsum(at_points[hits], axis=0)
    counted = before[hits]
    if ignored.any():
        counted = counted - np.cumsum(at_points * ignored[:, None], axis=0)[hits]
    precision = found / np.maximum(counted, 1)
    best_from_here = np.maximum.accumulate(precision[::-1], axis=0)[::-1]
    reached = np.searchsorted(RECALL_LEVELS, found / np.maximum(total, 1), side="right")
    levels = np.diff(reached, axis=0, prepend=0)
    precision_sum: Doubles = (best_from_here * levels).sum(axis=0)
    return precision_sum / len(RECALL_LEVELS)
