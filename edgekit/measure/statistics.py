"""How sure a figure is: bootstrap intervals over images and over rounds."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from edgekit.measure.coco import RECALL_LEVELS
from edgekit.values import Interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from edgekit.measure.coco import Doubles
    from edgekit.measure.matches import ClassMatches
    from edgekit.values import Ints

    Weights = NDArray[np.integer[Any]]

BOUNDS = (2.5, 97.5)
_CHUNK = 125
_CACHED = 1 << 17  # sums of 32 bits, 512 KiB
_NARROWEST = 32


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

    Points are the detections that hit or are ignored at some threshold. Between them lie only
    misses, which count alike at all thresholds: their weights are summed once. So many resamples
    are worked on at a time that the sums of points stay in the processor's cache.
    """
    points = np.flatnonzero((matches.hits | matches.ignored).any(axis=0))
    if not len(points):
        return np.where(matches.objects @ weights > 0, 0.0, np.nan)
    width = max(_CACHED // len(points), _NARROWEST)
    columns = range(0, weights.shape[1], width)
    parts = [_mean_precision(matches, weights[:, c : c + width], points) for c in columns]
    return np.concatenate(parts)


def _mean_precision(matches: ClassMatches, weights: Weights, points: Ints) -> Doubles:
    total = matches.objects @ weights
    at_points = weights[matches.images[points]]
    before = _cumulated(weights[matches.images[: points[-1] + 1]])[points]
    levels = _Levels(total)
    hits, ignored = matches.hits[:, points], matches.ignored[:, points]
    sums = [
        _interpolated(_Threshold(h, i, at_points, before), levels)
        for h, i in zip(hits, ignored, strict=True)
    ]
    mean: Doubles = np.mean(sums, axis=0)
    return np.where(total > 0, mean, np.nan)


class _Levels:
    """How many of the 101 recall levels are reached by so many hits, for every resample.

    A table, because a search per hit would take most of the time of a bootstrap.
    """

    def __init__(self, total: Weights) -> None:
        total = np.maximum(total, 1)
        wanted = RECALL_LEVELS[:, None]
        hits = np.ceil(wanted * total).astype(np.int64)
        # The comparison in floating point decides, as in COCO's own search.
        hits -= (hits - 1) / total >= wanted
        hits += hits / total < wanted
        runs = np.diff(hits, axis=0, append=total[None] + 1)
        numbers = np.tile(np.arange(1, len(wanted) + 1, dtype=np.uint8), len(total))
        self._table = np.repeat(numbers, runs.T.ravel())
        self._starts = np.cumsum(total + 1) - (total + 1)

    def of(self, hits: Weights) -> NDArray[np.uint8]:
        """Return how many levels ``hits`` ``(P, B)`` reach."""
        return self._table[hits + self._starts]


@dataclass(frozen=True, eq=False)
class _Threshold:
    """One category at one IoU threshold; see ``_average_precision`` for points.

    Attributes:
        hits: ``(P,)`` whether a point found an object.
        ignored: ``(P,)`` whether it counts neither way.
        at_points: ``(P, B)`` weight of its image.
        before: ``(P, B)`` weight of all detections up to and with it.
    """

    hits: NDArray[np.bool_]
    ignored: NDArray[np.bool_]
    at_points: Weights
    before: Weights


def _interpolated(at: _Threshold, levels: _Levels) -> Doubles:
    """Return ``(B,)`` mean precision over the 101 recall levels at one IoU threshold."""
    hits, ignored = np.flatnonzero(at.hits), np.flatnonzero(at.ignored)
    if not len(hits):
        return np.zeros(at.before.shape[1])
    found = _cumulated(at.at_points[hits])
    counted = at.before[hits]
    if len(ignored):
        gone = np.insert(_cumulated(at.at_points[ignored]), 0, 0, axis=0)
        counted -= gone[np.searchsorted(ignored, hits)]
    precision = found / np.maximum(counted, 1)
    best_from_here = np.maximum.accumulate(precision[::-1], axis=0)[::-1]
    reached = levels.of(found)
    reached[1:] -= reached[:-1].copy()
    precision_sum: Doubles = (best_from_here * reached).sum(axis=0)
    return precision_sum / len(RECALL_LEVELS)


def _cumulated(weights: Weights) -> Weights:
    """Return sums down the rows in the type of ``weights``: NumPy's wider default is slow."""
    sums: Weights = np.cumsum(weights, axis=0, dtype=weights.dtype, out=weights)
    return sums
