"""What figures were measured under, and what to warn of."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgekit.measure.latency import LatencyRun

    Facts = dict[str, str | int | float | bool | None]


def conditions_of(run: LatencyRun) -> Facts:
    """Return the state of the machine before and after, and what happened between."""
    states = {"before": run.before, "after": run.after}
    around = {
        f"{key}_{when}": v for when, state in states.items() for key, v in vars(state).items()
    }
    return {
        **around,
        "other_programs_cores": run.others_cores,
        "waited_for_a_core": run.waited,
        "rounds_disturbed": run.rounds_disturbed,
        "rounds_left_out": run.rounds_left_out,
        "power": run.power,
    }


def timing_warnings(run: LatencyRun | None) -> tuple[str, ...]:
    """Return what disturbed the timing of all rows, as sentences; ``None`` is no timing."""
    if run is None or not run.disturbed:
        return ()
    what = "; ".join(run.disturbed)
    if run.throttled:
        return (f"The times are not valid: {what}. Let the machine cool and measure again.",)
    ratios = (
        "but the ratios, of paired rounds that were left alone, hold"
        if run.ratios_hold
        else "and so are the ratios"
    )
    busy = (
        f"While models were timed, {what}: the milliseconds are those of a busy machine, {ratios}. "
        "Measure again when it is quiet, or with edgekit bench --repeat-disturbed."
    )
    return (busy,)
