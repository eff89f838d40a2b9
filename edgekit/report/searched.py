"""The verdict of a search: what it chose, on which images, and what that is on others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgekit.report.cells import ms, points, times
from edgekit.report.schema import Verdict
from edgekit.report.verdict import LEAD, lost_points

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from edgekit.report.parts import Interval95
    from edgekit.report.schema import Row, Search
    from edgekit.values import Interval

    Paired = Mapping[tuple[str, str], Interval]


def verdict_of(search: Search, rows: Sequence[Row], paired: Paired) -> Verdict:
    """Return the verdict that ships what ``search`` chose.

    The rows were scored on other images than those that chose: they say what the choice is worth,
    and choose nothing.

    Args:
        search: What was tried.
        rows: One of them that of the chosen trial, one the baseline.
        paired: How many times as fast as the first of two rows the second is.
    """
    base = next(row for row in rows if row.baseline)
    row = next(row for row in rows if row.name == search.chosen)
    if not row.baseline and paired[base.name, row.name].low <= 1:
        because = (
            f"Ship {base.name}: the search chose {row.name}, but when all rows were measured "
            f"together it was not surely faster: {_speed(row, base, paired)}"
        )
        return Verdict(ship=base.name, because=f"{because}.")
    lead = "Ship" if search.met else "Nothing tried keeps what was asked for; the nearest is"
    if row.baseline:
        because = f"{lead} {row.name}: {_none_better(search)}"
    else:
        after = _figures(row.agreement, row.map_drop_points, row.map_drop_ci95)
        because = (
            f"{lead} {row.name}: {_speed(row, base, paired)}; {_asked(search)} was asked for, and "
            f"{_chosen(search)}; on {row.images} other images it {after}"
        )
    return Verdict(ship=row.name, because=f"{because}.")


def missed_on_report(search: Search, row: Row) -> tuple[str, ...]:
    """Return what ``row``, the chosen one, misses of what was asked for where it is reported on.

    One clause each. A budget of mAP or time is a conversion's too, and not looked at here.
    """
    if row.agreement is None or row.agreement >= search.agreement_min:
        return ()
    agrees = f"agrees with FP32 to {points(row.agreement)} of 100 on the images of --eval"
    return (f"{agrees}, less than {points(search.agreement_min)}",)


def _speed(row: Row, base: Row, paired: Paired) -> str:
    ratio = paired[base.name, row.name]
    return (
        f"{times(ratio.value, (ratio.low, ratio.high), LEAD)} the speed of {base.name}, "
        f"{_p50(row)} ms against {_p50(base)} ms (p50)"
    )


def _chosen(search: Search) -> str:
    """Return why the choice was made: what is faster by less than the noise counts as as fast."""
    trial, tried = search.choice, f"of {len(search.trials)} networks tried on {search.images}"
    figures = _figures(trial.agreement, trial.map_drop_points, trial.map_drop_ci95)
    if not search.met:
        return f"it is the nearest {tried} search images, where it {figures}"
    return (
        f"{tried} search images none that keeps that is surely faster, and it is the best of those "
        f"as fast: there it {figures}"
    )


def _none_better(search: Search) -> str:
    others = sum(t.precision != "fp32" for t in search.trials)
    return (
        f"{_asked(search)} was asked for, and of {others} networks in INT8 or mixed precision "
        f"tried on {search.images} search images none that keeps that is surely faster"
    )


def _asked(search: Search) -> str:
    asked = [f"agreement of {points(search.agreement_min)}"]
    if search.map_drop_points_max is not None:
        asked.insert(0, f"a loss of at most {search.map_drop_points_max:g} points of mAP")
    if search.p90_ms_max is not None:
        asked.append(f"at most {search.p90_ms_max:g} ms (p90)")
    return " and ".join(asked)


def _figures(agreement: float | None, drop: float | None, ci95: Interval95 | None) -> str:
    told = [] if drop is None else [lost_points(drop, ci95)]
    if agreement is not None or drop is None:
        told.append(f"agrees with FP32 to {points(agreement)} of 100")
    return " and ".join(told)


def _p50(row: Row) -> str:
    assert row.latency_ms is not None
    return ms(row.latency_ms.p50)
