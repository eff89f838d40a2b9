"""The verdict: which row to ship, judged by figures that were measured and by nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from edgekit.report.cells import ms, points, signed_points, times
from edgekit.report.schema import Verdict
from edgekit.values import Interval

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from edgekit.report.parts import Interval95
    from edgekit.report.schema import Row

    Paired = Mapping[tuple[str, str], Interval]


LEAD = "95 %: "
HALVES = ("fp16", "bf16")
_MOST_IMAGES = 100  # times as many as there were: nobody labels more


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


def decide(
    rows: Sequence[Row], budget: Budget | None = None, paired: Paired | None = None
) -> Verdict:
    """Return the measured row to ship: the fastest that keeps its accuracy.

    A row in 16 bits is shipped where the whole interval of its speedup over the fastest FP32 row,
    of whatever runtime, lies above 1 and it stays within ``budget``; an INT8 or mixed row where
    that holds over the fastest row in FP32 or 16 bits. Of rows none of which is surely faster,
    the one that loses least is shipped.

    Args:
        rows: Of one device.
        budget: What a row may cost.
        paired: How many times as fast as the first of two rows the second is, where both were
            timed in turn; elsewhere it is worked out from the rows.
    """
    case = _Case(tuple(rows), budget or Budget(), paired or {})
    fp32 = case.fastest_fp32()
    if fp32 is None:
        return _candidate(rows)
    halves = [r for r in rows if r.shippable and r.precision in HALVES]
    low = [r for r in rows if r.shippable and r.precision in ("int8", "mixed")]
    plain = case.best([r for r in halves if case.surely_faster(r, fp32)]) or fp32
    chosen = case.best([r for r in low if case.surely_faster(r, plain)])
    if chosen is not None:
        because = case.praise(chosen, plain) + case.passed_over(chosen, low)
        return Verdict(ship=chosen.name, because=f"{because}.")
    refused = [r for r in (*low, *halves) if r is not plain]
    if plain is not fp32:
        because = case.praise(plain, fp32) + case.refusal(refused, plain)
        return Verdict(ship=plain.name, because=f"{because}.")
    because = f"Ship FP32 ({plain.name}){case.refusal(refused, plain, ': ')}"
    if not refused:
        because += f": no other precision was measured here{_unmeasured(rows)}"
    over = "".join(f"; {plain.name} itself {clause}" for clause in missed(plain, case.budget))
    return Verdict(ship=plain.name, because=f"{because}{over}.")


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


@dataclass(frozen=True)
class _Case:
    """All rows, what they may cost, and how their speeds compare."""

    rows: tuple[Row, ...]
    budget: Budget
    paired: Paired = field(default_factory=dict)

    def speedup(self, base: Row, row: Row) -> Interval:
        """Return how many times as fast as ``base`` the row is."""
        known = self.paired.get((base.name, row.name))
        return known if known is not None else speedup_over(base, row, self.rows)

    def surely_faster(self, row: Row, base: Row) -> bool:
        """Return whether the whole interval of the speedup lies above 1."""
        return self.speedup(base, row).low > 1

    def misses(self, row: Row) -> tuple[str, ...]:
        """Return what ``row`` misses of the budget, and whether other images scored it."""
        base = next((r for r in self.rows if r.baseline and r.backend == row.backend), row)
        clauses = missed(row, self.budget)
        if row.images and base.images and row.images != base.images:
            other = f"was scored on {row.images} images, {base.name} on {base.images}"
            clauses = (*clauses, other)
        return clauses

    def fastest_fp32(self) -> Row | None:
        """Return the fastest FP32 row that keeps its accuracy: an input may be smaller too."""
        fp32 = [r for r in self.rows if r.shippable and r.precision == "fp32"]
        sizes = {r.input_hw for r in fp32 if r.baseline}
        kept = [
            r
            for r in fp32
            if r.baseline
            or not _missed_accuracy(r, self.budget)
            or (r.map_drop_points is r.agreement is None and r.input_hw in sizes)
        ]
        return _fastest(kept or [r for r in fp32 if not sizes])

    def best(self, rows: Sequence[Row]) -> Row | None:
        """Return the row within budget that loses least of those none is surely faster than."""
        kept = [r for r in rows if not self.misses(r)]
        fastest = _fastest(kept)
        if fastest is None:
            return None
        level = [r for r in kept if r is fastest or not self.surely_faster(fastest, r)]
        return min(level, key=lambda r: (_cost(r), _p50(r)))

    def praise(self, row: Row, base: Row) -> str:
        """Return why ``row`` is shipped and not ``base``."""
        ratio = _ratio(row, base, self.speedup(base, row))
        if row.map_drop_points is None:
            kept = f"it agrees with FP32 to {points(row.agreement)} of 100 on {row.images} images "
            kept += "without labels"
        else:
            kept = f"it {_loss(row)} on {row.images} images"
            allowed = f", of {self.budget.map_drop_points:g} allowed"
            kept += (allowed if row.map_drop_points >= 0 else "") + _doubt(row, self.budget)
        return f"Ship {row.name}: {ratio}, and {kept}"

    def passed_over(self, row: Row, rows: Sequence[Row]) -> str:
        """Return why not one of ``rows`` that seem faster; empty where none does."""
        faster = [r for r in rows if _p50(r) < _p50(row)]
        if not faster:
            return ""
        nearest = min(faster, key=lambda r: (len(self.misses(r)), _p50(r)))
        clauses = self.misses(nearest) or ("is not surely faster and loses more",)
        return f"; {nearest.name} " + " and ".join(clauses)

    def refusal(self, rows: Sequence[Row], base: Row, lead: str = "; ") -> str:
        """Return why none of ``rows`` is shipped: the one that came nearest, and how many more."""
        if not rows:
            return ""
        tried = min(rows, key=lambda r: (len(self.misses(r)), _p50(r)))
        speed = self.speedup(base, tried)
        words = "is" if speed.low > 1 else "is not surely faster,"
        clauses = [f"{words} {_ratio(tried, base, speed)}", *self.misses(tried)]
        others = len(rows) - 1
        more = f"; nor is any of {others} other rows worth it" if others else ""
        return f"{lead}{tried.name} " + " and ".join(clauses) + more


def _missed_accuracy(row: Row, budget: Budget) -> str:
    if row.map_drop_points is not None:
        if row.map_drop_points <= budget.map_drop_points:
            return ""
        over = f"{_loss(row)}, more than the {budget.map_drop_points:g} allowed"
        return over + _doubt(row, budget)
    if row.agreement is None:
        return "has no accuracy measured"
    if row.agreement >= budget.agreement:
        return ""
    return (
        f"agrees with FP32 to {points(row.agreement)} of 100 only, where "
        f"{points(budget.agreement)} are asked without labels"
    )


def _doubt(row: Row, budget: Budget) -> str:
    """Return that the interval reaches across the budget, and how many images would tell.

    The width of an interval falls with the square root of the number of images.
    """
    drop, ci95 = row.map_drop_points, row.map_drop_ci95
    if drop is None or ci95 is None or not ci95[0] <= budget.map_drop_points < ci95[1]:
        return ""
    gap = abs(budget.map_drop_points - drop)
    reach = ci95[1] - drop if drop <= budget.map_drop_points else drop - ci95[0]
    text = f" (the interval is too wide to be sure: {row.images} images are too few"
    times_more = (reach / gap) ** 2 if gap > 0 else float("inf")
    if not row.images or times_more > _MOST_IMAGES:
        return f"{text})"
    return f"{text}, about {float(f'{times_more * row.images:.2g}'):.0f} would do)"


def _ratio(row: Row, base: Row, speed: Interval) -> str:
    ci95 = None if speed.low == speed.high else (speed.low, speed.high)
    kind = base.precision.upper()
    return (
        f"{times(speed.value, ci95, LEAD)} the speed of {base.name}, the fastest {kind}, "
        f"{ms(_p50(row))} ms against {ms(_p50(base))} ms (p50)"
    )


def _loss(row: Row) -> str:
    assert row.map_drop_points is not None
    return lost_points(row.map_drop_points, row.map_drop_ci95)


def lost_points(drop: float, ci95: Interval95 | None) -> str:
    """Return what a loss of points of mAP is in words; one shown below nothing is a gain."""
    if round(drop, 1) < 0:
        flipped = (-ci95[1], -ci95[0]) if ci95 else None
        return f"gains {signed_points(-drop, flipped, LEAD)} points of mAP"
    return f"loses {signed_points(drop, ci95, LEAD)} points of mAP"


def _cost(row: Row) -> float:
    """Return what a row loses, to compare rows that were scored alike."""
    if row.map_drop_points is not None:
        return row.map_drop_points
    return 1 - (row.agreement or 0)


def _unmeasured(rows: Sequence[Row]) -> str:
    others = [f"{r.name} is {r.status}" for r in rows if r.precision != "fp32"]
    return f" ({', '.join(others)})" if others else ""


def _candidate(every: Sequence[Row]) -> Verdict:
    rows = [r for r in every if r.status != "estimated"]
    runnable = [r for r in rows if r.status != "not-run"] or list(rows)
    if not runnable:
        return Verdict(ship=None, because="Nothing to ship: there are no rows.")
    lower = [r for r in rows if r.precision != "fp32"]
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
