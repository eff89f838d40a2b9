"""What disturbed a candidate's timing, as clauses for the row of a report."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edgekit.measure.watch import Lap

_SHARE_OF_ROUNDS = 0.2  # one that is disturbed for less moves no median and hardly a percentile
_CLOCK_FALL = 0.1
_DRIFT = 0.1
_ERRORS = 4.0
_FEWEST_ROUNDS = 10  # fewer tell no drift from chance


def disturbances(laps: Sequence[Lap], *, throttled: bool) -> tuple[str, ...]:
    """Return what disturbed all candidates, one clause each.

    Args:
        laps: What happened during each round, in order.
        throttled: Whether the processor slowed itself down from heat meanwhile.
    """
    clauses = ["the processor throttled"] if throttled else []
    disturbed = [lap for lap in laps if lap.disturbed]
    if len(disturbed) > _SHARE_OF_ROUNDS * len(laps):
        share = f"in {len(disturbed) / len(laps):.0%} of the rounds"
        cores = disturbed[0].cores
        others = float(np.mean([lap.others for lap in disturbed]))
        stolen = float(np.mean([lap.stolen for lap in disturbed]))
        if others >= stolen:
            clauses.append(f"other programs used {others:.1f} of {cores} cores {share}")
        else:
            clauses.append(f"the host took {stolen:.1f} of {cores} cores away {share}")
    return (*clauses, *_clock_fall([lap.clock_mhz for lap in laps if lap.clock_mhz]))


def drift(round_p50_ms: Sequence[float]) -> tuple[str, ...]:
    """Return a clause where a candidate took longer, or shorter, in the second half of its rounds.

    By a tenth at least, and by four times what the rounds' own scatter explains.

    Args:
        round_p50_ms: Median of each round, in order.
    """
    if len(round_p50_ms) < _FEWEST_ROUNDS:
        return ()
    first, second = np.array_split(np.asarray(round_p50_ms), 2)
    before, after = float(np.median(first)), float(np.median(second))
    error = float(np.hypot(_error_of_median(first), _error_of_median(second)))
    change = after / before - 1
    if abs(change) <= _DRIFT or abs(after - before) <= _ERRORS * error:
        return ()
    slower = "longer" if change > 0 else "less time"
    return (f"it took {abs(change):.0%} {slower} in the second half of the run than in the first",)


def _clock_fall(clocks_mhz: Sequence[float]) -> tuple[str, ...]:
    if len(clocks_mhz) < _FEWEST_ROUNDS:
        return ()
    third = len(clocks_mhz) // 3
    before, after = np.median(clocks_mhz[:third]), np.median(clocks_mhz[-third:])
    if after >= (1 - _CLOCK_FALL) * before:
        return ()
    return (f"the clock fell from {before:.0f} to {after:.0f} MHz",)


def _error_of_median(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
    """Return the standard error of the median, from the median of the distances to it."""
    scatter = 1.4826 * np.median(np.abs(values - np.median(values)))
    return float(1.2533 * scatter / np.sqrt(len(values)))
