"""What a percentile is surely below after few runs: the early-stopping rule of MLPerf."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edgekit.measure.binomial import binomial_cdf

if TYPE_CHECKING:
    from collections.abc import Sequence

CONFIDENCE = 0.99


def early_stopping_estimate(times: Sequence[float], percentile: float = 0.9) -> float | None:
    """Return the time that ``percentile`` of all runs stay below, at 99 % confidence.

    It lies above the percentile of ``times`` itself, the further the fewer they are; ``None``
    with fewer than the rule asks for, which is 64 for the 90th percentile and 662 for the 99th.

    Args:
        times: Of single runs, in any order.
        percentile: Between 0 and 1.

    Source:
        MLPerf Inference rules, appendix "Early Stopping Criterion", with d = 0 and c = 0.99; the
        single-stream estimate is the t-th largest time.
    """
    slow = slow_runs_allowed(len(times), percentile)
    return None if slow is None else float(np.sort(times)[len(times) - slow])


def slow_runs_allowed(runs: int, percentile: float = 0.9) -> int | None:
    """Return the t of MLPerf's rule: how many of ``runs`` may be too slow; ``None`` for none.

    The largest for which so few slow runs would come by chance in less than 1 % of all cases if
    the system were exactly at the limit.
    """
    unlikely = binomial_cdf(runs, 1 - percentile) < 1 - CONFIDENCE
    slow = int(unlikely.sum()) - 1
    return slow if slow >= 1 else None
