"""From statistics to the range an encoding covers: five ways to choose it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edgekit.values import Floats, Ints, Range, TensorStatistics

Observer = Literal["minmax", "moving-average", "percentile", "mse", "damage"]
Through = Callable[[NDArray[np.float64]], NDArray[np.float64]]
Error = Callable[[float, float], float]
STEPS = 255
TAIL = 1e-4
CLIPS = np.linspace(0.05, 1.0, 58)
SWEEPS = 2


def observe(
    statistics: TensorStatistics,
    observer: Observer,
    through: Through | None = None,
    importance: Floats | None = None,
    *,
    symmetric: bool = False,
) -> Range:
    """Return the range of a tensor, widened to contain zero.

    Args:
        statistics: What calibration saw of it.
        observer: ``minmax``: all of it. ``moving-average``: of each image's extremes.
            ``percentile``: without the outermost 0.01 % on either side. ``mse``: the range of
            least squared error after rounding to 8 bits. ``damage``: the same, each error counted
            by how much the predictions follow it; ``mse`` where that is not known.
        through: For ``mse`` and ``damage``, the element-wise function that reads the tensor: the
            error is then the one that function hands on (a SiLU hides most of what its input
            loses below zero).
        importance: For ``damage``, ``(bins,)`` how much the predictions follow what is in a bin.
        symmetric: Whether the range reaches as far below zero as above.
    """
    choose = {
        "minmax": _minmax,
        "moving-average": _moving_average,
        "percentile": _percentile,
    }
    if observer in choose:
        found = choose[observer](statistics)
    else:
        known = importance if observer == "damage" else None
        error = rounding_error(statistics, statistics.counts if known is None else known, through)
        low, high = min(statistics.low, 0.0), max(statistics.high, 0.0)
        if symmetric:
            return least_symmetric_error(error, max(-low, high))
        found = least_error(error, low, high)
    peak = max(-found.low, found.high)
    if symmetric:
        return Range(-peak, peak)
    return Range(min(found.low, 0.0), max(found.high, 0.0))


def _minmax(statistics: TensorStatistics) -> Range:
    return Range(statistics.low, statistics.high)


def _moving_average(statistics: TensorStatistics) -> Range:
    return Range(statistics.moving_low, statistics.moving_high)


def _percentile(statistics: TensorStatistics) -> Range:
    share = np.cumsum(statistics.counts) / max(1, statistics.counts.sum())
    first = int(np.searchsorted(share, TAIL))
    last = int(np.searchsorted(share, 1 - TAIL))
    half = statistics.limit / len(statistics.counts)
    low = statistics.centers[first] - half
    high = statistics.centers[min(last, len(share) - 1)] + half
    return Range(max(float(low), statistics.low), min(float(high), statistics.high))


def rounding_error(
    statistics: TensorStatistics, each_bin: Floats | Ints, through: Through | None
) -> Error:
    """Return the squared error of a tensor in 8 bits, as a function of the ends of its range.

    Args:
        statistics: What calibration saw of it.
        each_bin: ``(bins,)`` what an error in a bin counts.
        through: The element-wise function that hands the error on; see ``observe``.
    """
    seen = each_bin > 0
    values, weights = statistics.centers[seen], each_bin[seen].astype(np.float64)
    wanted = through(values) if through else values

    def error(low: float, high: float) -> float:
        rounded = _round(values, low, high)
        return float(weights @ ((through(rounded) if through else rounded) - wanted) ** 2)

    return error


def least_error(error: Error, floor: float, ceiling: float) -> Range:
    """Return the range between ``floor`` and ``ceiling`` at which ``error`` is least.

    Args:
        error: By the two ends of a range.
        floor: The lowest end to try, zero at most.
        ceiling: The highest end to try, zero at least.
    """
    low, high = floor, ceiling
    for _ in range(SWEEPS):  # one end at a time: the two hardly depend on each other
        high = min(ceiling * CLIPS, key=lambda end: error(low, float(end)))
        low = min(floor * CLIPS, key=lambda end: error(float(end), high))
    return Range(float(low), float(high))


def least_symmetric_error(error: Error, peak: float) -> Range:
    """Return the range around zero, up to ``peak`` at most, at which ``error`` is least."""
    best = float(min(peak * CLIPS, key=lambda end: error(-float(end), float(end))))
    return Range(-best, best)


def _round(values: NDArray[np.float64], low: float, high: float) -> NDArray[np.float64]:
    """Return ``values`` as an 8-bit encoding of ``low..high`` gives them back."""
    scale = max(high - low, 1e-12) / STEPS
    zero = np.round(-low / scale)
    rounded: NDArray[np.float64] = np.clip(np.round(values / scale) + zero, 0, STEPS)
    back: NDArray[np.float64] = (rounded - zero) * scale
    return back
