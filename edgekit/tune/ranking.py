"""Whether several rankings of the same things agree, and how sure a figure of several images is."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from edgekit.values import Interval

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Doubles = NDArray[np.float64]

_BOUNDS = (2.5, 97.5)
REPEATABLE = 0.8


def spearman(a: Sequence[float], b: Sequence[float]) -> float:
    """Return Spearman's rank correlation, -1 to 1; 0 where one of them does not rank at all.

    Equal values share the mean of their ranks.
    """
    ranks = [_ranks(np.asarray(values, np.float64)) for values in (a, b)]
    centered = [r - r.mean() for r in ranks]
    spread = float(np.sqrt((centered[0] ** 2).sum() * (centered[1] ** 2).sum()))
    return float(centered[0] @ centered[1]) / spread if spread else 0.0


def kendall(a: Sequence[float], b: Sequence[float]) -> float:
    """Return Kendall's tau-b, -1 to 1; 0 where one of them does not rank at all.

    Source:
        Kendall, "The treatment of ties in ranking problems" (Biometrika 33, 1945).
    """
    signs = [np.sign(np.subtract.outer(v, v)) for v in (np.asarray(a), np.asarray(b))]
    untied = float(np.sqrt((signs[0] ** 2).sum() * (signs[1] ** 2).sum()))
    return float((signs[0] * signs[1]).sum()) / untied if untied else 0.0


def between(rankings: Sequence[Sequence[float]], correlation: Callable[..., float]) -> float | None:
    """Return the mean correlation over all pairs of rankings; ``None`` of a single one."""
    pairs = [correlation(a, b) for a, b in combinations(rankings, 2)]
    return float(np.mean(pairs)) if pairs else None


def shared_top(a: Sequence[float], b: Sequence[float], count: int = 10) -> float:
    """Return the share of the ``count`` largest of one that are among those of the other."""
    count = min(count, len(a))
    tops = [set(np.argsort(-np.asarray(v), kind="stable")[:count].tolist()) for v in (a, b)]
    return len(tops[0] & tops[1]) / count


def resampled(
    images: int, statistic: Callable[[NDArray[np.int64]], Doubles], resamples: int, seed: int
) -> Doubles:
    """Return ``(resamples, ...)`` what ``statistic`` gives for images drawn with replacement.

    Args:
        images: How many there are.
        statistic: Takes ``(images,)`` how often each image counts.
        resamples: How often they are drawn.
        seed: Of the draws.
    """
    draws = np.random.default_rng(seed).multinomial(
        images, np.full(images, 1 / images), size=resamples
    )
    return np.stack([statistic(draw) for draw in draws])


def interval(value: float, samples: Doubles) -> Interval:
    """Return ``value`` with the 95 % interval that resampling gave."""
    low, high = np.percentile(samples, _BOUNDS)
    return Interval(value, float(low), float(high))


def _ranks(values: Doubles) -> Doubles:
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    first = np.cumsum(counts) - counts
    ranks: Doubles = (first + (counts - 1) / 2)[place]
    return ranks
