"""The verdict: which row to ship, judged by figures that were measured and by nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgekit.report.cells import ms, points, signed_points, times
from edgekit.report.schema import Verdict
from edgekit.values import Interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edgekit.report.schema import Row


LEAD = "95 %: "


@dataclass(frozen=True)
class Budget:
    """What a row may cost and still be shipped.

    Attributes:
        map_drop_points: Largest loss of mAP against FP32, in points of 0..100.
        agreement: Smallest agreement with FP32; asked only where no labels give an mAP.
        p90_ms: Largest 90th percentile of inference, in milliseconds.
    """

    map_drop_points: float = 1.0
    agreement: float = 0.9
    p90_ms: float | None = None


def decide(rows: Sequence[Row], budget: Budget | None = None) -> Verdict:
    """Return the measured row to ship: the fastest that keeps its accuracy.

    A row of lower precision is shipped where the whole interval of its speedup over the fastest
    FP32 row, of whatever runtime, lies above 1 and it stays within ``budget``.
    """
    budget = budget or Budget()
    base = _fastest([r for r in rows if r.shippable and r.precision == "fp32"])
    lower = [r for r in rows if r.shippable and r.precision != "fp32"]
    if base is None:
        return _candidate(rows)
    if not lower:
        return Verdict(ship=base.name, because=_alone(base, rows))
    against = {r.name: speedup_over(base, r, rows) for r in lower}
    good = [r for r in lower if against[r.name].low > 1 and not missed(r, budget)]
    chosen = _fastest(good)
    if chosen is not None:
        return Verdict(ship=chosen.name, because=_worth(chosen, base, against[chosen.name], budget))
    tried = min(lower, key=lambda r: (len(missed(r, budget)), _p50(r)))
    clauses = [_speed_clause(tried, base, against[tried.name]), *missed(tried, budget)]
    because = f"Ship FP32 ({base.name}): {tried.name} " + " and ".join(clauses) + "."
    return Verdict(ship=base.name, because=because)


def missed(row: Row, budget: Budget) -> tuple[str, ...]:
    """Return what ``row`` misses of ``budget``, one clause each; empty when it keeps all of it."""
    clauses = [None if row.baseline else _missed_accuracy(row, budget)]
    if budget.p90_ms is not None and row.latency_ms and row.latency_ms.p90 > budget.p90_ms:
        clauses.append(f"takes {ms(row.latency_ms.p90)} ms (p90), more than {budget.p90_ms:g}")
    return tuple(c for c in clauses if c)


def speedup_over(base: Row, row: Row, rows: Sequence[Row]) -> Interval:
    """Return how many times as fast as ``base`` the measured ``row`` is.

    The speedup in a row is paired with the baseline of its own runtime. Where ``base`` is
    another row, it is scaled by the ratio of the two medians, whose own noise is left out. A row
    without a paired speedup gets the ratio of medians as all three figures.
    """
    own = [r for r in rows if r.baseline and r.backend == row.backend and r.shippable]
    if row.speedup is None or not own:
        ratio = _p50(base) / _p50(row)
        return Interval(ratio, ratio, ratio)
    scale = _p50(base) / _p50(own[0])
    low, high = row.speedup_ci95 or (row.speedup, row.speedup)
    return Interval(row.speedup * scale, low * scale, high * scale)


def _missed_accuracy(row: Row, budget: Budget) -> str:
    if row.map_drop_points is not None:
        if row.map_drop_points <= budget.map_drop_points:
            return ""
        return f"{_loss(row)}, more than the {budget.map_drop_points:g} allowed"
    if row.agreement is None:
        return "has no accuracy measured"
    if row.agreement >= budget.agreement:
        return ""
    return (
        f"agrees with FP32 to {points(row.agreement)} of 100 only, where "
        f"{points(budget.agreement)} are asked without labels"
    )


def _worth(row: Row, base: Row, speed: Interval, budget: Budget) -> str:
    if row.map_drop_points is None:
        kept = f"it agrees with FP32 to {points(row.agreement)} of 100 on {row.images} images "
        kept += "without labels"
    else:
        kept = f"it {_loss(row)} on {row.images} images"
        kept += f", of {budget.map_drop_points:g} allowed" if row.map_drop_points >= 0 else ""
    return f"Ship {row.name}: {_ratio(row, base, speed)}, and {kept}."


def _speed_clause(row: Row, base: Row, speed: Interval) -> str:
    if speed.low > 1:
        return f"is {_ratio(row, base, speed)}"
    return f"is not surely faster, {_ratio(row, base, speed)}"


def _ratio(row: Row, base: Row, speed: Interval) -> str:
    ci95 = None if speed.low == speed.high else (speed.low, speed.high)
    return (
        f"{times(speed.value, ci95, LEAD)} the speed of {base.name}, the fastest FP32, "
        f"{ms(_p50(row))} ms against {ms(_p50(base))} ms (p50)"
    )


def _loss(row: Row) -> str:
    drop = row.map_drop_points
    assert drop is not None
    ci95 = row.map_drop_ci95
    if drop < 0:
        flipped = (-ci95[1], -ci95[0]) if ci95 else None
        return f"gains {signed_points(-drop, flipped, LEAD)} points of mAP"
    return f"loses {signed_points(drop, ci95, LEAD)} points of mAP"


def _alone(base: Row, rows: Sequence[Row]) -> str:
    others = [f"{r.name} is {r.status}" for r in rows if r.precision != "fp32"]
    rest = f" ({', '.join(others)})" if others else ""
    return f"Ship FP32 ({base.name}): no other precision was measured here{rest}."


def _candidate(rows: Sequence[Row]) -> Verdict:
    runnable = [r for r in rows if r.status != "not-run"] or list(rows)
    if not runnable:
        return Verdict(ship=None, because="Nothing to ship: there are no rows.")
    lower = [r for r in runnable if r.precision != "fp32"]
    best = max(lower or runnable, key=lambda r: (r.agreement or 0, r.map or 0))
    because = (
        f"Ship nothing yet: no FP32 row was measured on this device to compare with. "
        f"{best.name} is the candidate to measure there ({best.status})."
    )
    return Verdict(ship=None, because=because, candidate=best.name)


def _fastest(rows: Sequence[Row]) -> Row | None:
    return min(rows, key=_p50, default=None)


def _p50(row: Row) -> float:
    assert row.latency_ms is not None
    return row.latency_ms.p50
