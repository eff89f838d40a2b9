"""A histogram that grows with the values it meets and never keeps them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from edgekit.values import Floats, Ints

BINS = 4096
MOMENTUM = 0.9


class StreamingHistogram:
    """Counts of values over ``-limit..limit``; the limit doubles when a value lies beyond it.

    Doubling merges neighbouring bins, so the memory is ``BINS`` counts however many values come.
    Smallest and largest value are exact, and kept for each update too (two numbers); counts are
    of about ``sample`` values per update.
    """

    def __init__(self, sample: int) -> None:
        self._sample = sample
        self.counts: Ints = np.zeros(BINS, dtype=np.int64)
        self.limit = 0.0
        self.low = np.inf
        self.high = -np.inf
        self.moving_low = 0.0
        self.moving_high = 0.0
        self.lows: list[float] = []
        self.highs: list[float] = []

    def update(self, values: Floats) -> None:
        """Add one image's values of the tensor, of any shape.

        Raises:
            FloatingPointError: One of them is NaN or infinite.
        """
        flat = values.reshape(-1)
        low, high = float(flat.min()), float(flat.max())
        if not np.isfinite([low, high]).all():  # both are NaN where any value is
            raise FloatingPointError("NaN or infinite")
        self._update_extremes(low, high)
        self._grow(max(abs(low), abs(high)))
        sampled = flat[:: stride_of(flat.size, self._sample)]
        self.counts += np.bincount(bins_of(sampled, self.limit), minlength=BINS)

    def _update_extremes(self, low: float, high: float) -> None:
        first = self.limit == 0.0
        keep = 0.0 if first else MOMENTUM
        self.moving_low = keep * self.moving_low + (1 - keep) * low
        self.moving_high = keep * self.moving_high + (1 - keep) * high
        self.low = min(self.low, low)
        self.high = max(self.high, high)
        self.lows.append(low)
        self.highs.append(high)

    def _grow(self, magnitude: float) -> None:
        if self.limit == 0.0:
            self.limit = max(magnitude, 1e-12)
        while magnitude > self.limit:
            merged = self.counts.reshape(-1, 2).sum(axis=1)
            self.counts = np.zeros(BINS, dtype=np.int64)
            self.counts[BINS // 4 : 3 * BINS // 4] = merged
            self.limit *= 2


def stride_of(size: int, sample: int) -> int:
    """Return n so that every n-th of ``size`` values are about ``sample``.

    It is odd, so as to meet every column of an even width.
    """
    return size // sample | 1


def bins_of(values: Floats, limit: float) -> Ints:
    """Return the bin of each value in a histogram over ``-limit..limit``."""
    scaled = (values + limit) * (BINS / (2 * limit))
    bins: Ints = np.clip(scaled, 0, BINS - 1).astype(np.int64)
    return bins
