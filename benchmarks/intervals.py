"""The intervals that a bootstrap can end in, to be compared with the one that edgekit takes."""

from __future__ import annotations

from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np

from edgekit.measure.statistics import BOUNDS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Array = np.ndarray[Any, np.dtype[Any]]
Ends = tuple[Array, Array]
NORMAL = NormalDist()
Z = tuple(NORMAL.inv_cdf(b / 100) for b in BOUNDS)


def percentile(trials: Mapping[str, Array]) -> Ends:
    """Return what 95 % of the resamples lie between: edgekit's interval."""
    low, high = np.percentile(trials["draws"], BOUNDS, axis=1)
    return low, high


def basic(trials: Mapping[str, Array]) -> Ends:
    """Return the percentile interval mirrored at the figure itself."""
    low, high = percentile(trials)
    return 2 * trials["value"] - high, 2 * trials["value"] - low


def normal(trials: Mapping[str, Array]) -> Ends:
    """Return 1.96 standard deviations of the resamples on either side of the figure."""
    spread = trials["draws"].std(axis=1, ddof=1)
    return trials["value"] + Z[0] * spread, trials["value"] + Z[1] * spread


def bias_corrected(trials: Mapping[str, Array]) -> Ends:
    """Return the percentile interval, shifted by how far the figure lies from their median."""
    return _corrected(trials, np.zeros(len(trials["value"])))


def accelerated(trials: Mapping[str, Array]) -> Ends:
    """Return the bias-corrected and accelerated interval.

    Source:
        Efron, "Better bootstrap confidence intervals" (JASA 1987).
    """
    away = trials["without"].mean(axis=1, keepdims=True) - trials["without"]
    scale = 6 * (away**2).sum(axis=1) ** 1.5
    return _corrected(trials, (away**3).sum(axis=1) / np.maximum(scale, 1e-12))


INTERVALS: dict[str, Callable[[Mapping[str, Array]], Ends]] = {
    "percentile": percentile,
    "basic": basic,
    "normal": normal,
    "bias-corrected": bias_corrected,
    "BCa": accelerated,
}


def _corrected(trials: Mapping[str, Array], acceleration: Array) -> Ends:
    draws, value = trials["draws"], trials["value"][:, None]
    below = ((draws < value).mean(axis=1) + (draws <= value).mean(axis=1)) / 2
    shift = np.array([NORMAL.inv_cdf(float(p)) for p in np.clip(below, 0.001, 0.999)])
    low, high = (
        _quantiles(draws, shift + (shift + z) / (1 - acceleration * (shift + z))) for z in Z
    )
    return low, high


def _quantiles(draws: Array, scores: Array) -> Array:
    """Return of each row the quantile that a normal score stands for."""
    pairs = zip(draws, scores, strict=True)
    return np.array([np.quantile(row, NORMAL.cdf(float(score))) for row, score in pairs])
