"""Percentiles of times that come in rounds, and how sure they are."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor
from typing import TYPE_CHECKING

import numpy as np

from edgekit.measure.binomial import binomial_cdf
from edgekit.measure.early_stopping import early_stopping_estimate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Doubles = NDArray[np.float64]
    Bounds = tuple[float, float]

_MISSED = 0.025  # on either side of a 95 % interval
_FEWEST_GROUPS = 5  # of rounds taken together, to tell how they hang together


@dataclass(frozen=True)
class Spread:
    """How times are spread.

    Attributes:
        p50_ci95: 95 % interval of the median; ``None`` where the runs are too few to bound it.
        p90_ci95: Of the 90th percentile.
        p99_ci95: Of the 99th percentile.
        p90_early_stopping: What 90 % of all runs stay below at 99 % confidence; ``None`` with
            fewer runs than MLPerf's rule asks for.
        quantiles: Percentiles 0, 1 ... 100; empty where nothing was timed.
    """

    p50_ci95: Bounds | None = None
    p90_ci95: Bounds | None = None
    p99_ci95: Bounds | None = None
    p90_early_stopping: float | None = None
    quantiles: tuple[float, ...] = ()


def spread_of(rounds: Sequence[Sequence[float]]) -> Spread:
    """Return how the times of ``rounds``, all of one length and in order, are spread."""
    times = np.asarray(rounds, np.float64)
    return Spread(
        p50_ci95=percentile_interval(times, 0.5),
        p90_ci95=percentile_interval(times, 0.9),
        p99_ci95=percentile_interval(times, 0.99),
        p90_early_stopping=early_stopping_estimate(times.ravel().tolist()),
        quantiles=tuple(np.percentile(times, range(101)).tolist()),
    )


def percentile_interval(rounds: Doubles, percentile: float) -> Bounds | None:
    """Return the 95 % interval of a percentile between two of the times themselves.

    Which two, the binomial distribution says for independent runs. Runs of one round, and rounds
    that follow each other, are alike; so it is asked for as many runs as would tell as much if
    they were independent.

    Args:
        rounds: ``(R, runs of a round)`` times in the order they were taken.
        percentile: Between 0 and 1.

    Returns:
        ``None`` where even the largest time bounds the percentile too rarely, which is so for
        the 99th of fewer than 368 runs.

    Source:
        Hahn and Meeker, "Statistical Intervals", section 5.2; Flyvbjerg and Petersen, "Error
        estimates on averages of correlated data" (1989), for the number of independent runs.
    """
    times = np.sort(rounds, axis=None)
    counted = independent_runs(rounds, percentile)
    at_most = binomial_cdf(counted, percentile)
    low = int((at_most <= _MISSED).sum())
    high = int((at_most < 1 - _MISSED).sum()) + 1
    if high > counted:
        return None
    first = max(1, floor(low / counted * len(times)))
    last = ceil(high / counted * len(times))
    return float(times[first - 1]), float(times[last - 1])


def independent_runs(rounds: Doubles, percentile: float) -> int:
    """Return how many independent runs would tell as much about a percentile as ``rounds``.

    The share of runs below the percentile varies from round to round; where it varies more than
    independent runs would let it, for rounds alone or for two, four, eight ... taken together, the
    runs count for less. They never count for more.
    """
    count, runs = rounds.shape
    below = (rounds <= np.quantile(rounds, percentile)).mean(axis=1)
    alone = percentile * (1 - percentile) / runs
    excess, size = 1.0, 1
    while (groups := count // size) >= _FEWEST_GROUPS:
        shares = below[: groups * size].reshape(groups, size).mean(axis=1)
        excess = max(excess, float(shares.var(ddof=1)) * size / alone)
        size *= 2
    return max(1, int(count * runs / excess))
