"""The binomial distribution, summed exactly: what intervals without assumptions stand on."""

from __future__ import annotations

from math import exp, lgamma, log
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def binomial_cdf(runs: int, chance: float) -> NDArray[np.float64]:
    """Return how probable at most 0, 1 ... ``runs`` hits are, ``(runs + 1,)``.

    Args:
        runs: Independent runs.
        chance: That one of them is a hit, between 0 and 1.
    """
    hits = range(runs + 1)
    logs = (_log_ways(runs, k) + k * log(chance) + (runs - k) * log(1 - chance) for k in hits)
    sums: NDArray[np.float64] = np.cumsum([exp(value) for value in logs])
    return np.minimum(sums, 1.0)


def _log_ways(runs: int, hits: int) -> float:
    return lgamma(runs + 1) - lgamma(hits + 1) - lgamma(runs - hits + 1)
