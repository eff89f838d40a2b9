"""The gate of continuous integration: which limits a row of a report keeps, and why not."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from edgekit.errors import ConfigError, UnknownNameError
from edgekit.report.regression import Baseline, Figure, map_fall, slowdown, untimed
from edgekit.report.schema import SHIPPABLE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from edgekit.report.parts import Interval95
    from edgekit.report.schema import Report, Row

MAP_FALL_POINTS = 0.5
SLOWDOWN = 1.1
_ROUNDING = 1e-9  # what sums and differences of fractions are off by
_MOST_DIGITS = 6


@dataclass(frozen=True)
class Limits:
    """What a row has to keep; ``None`` is not asked for.

    Attributes:
        map_drop_points: Most mAP it may lose against FP32, in points of 0..100.
        agreement: Least agreement with FP32's own detections, 0 to 1.
        p90_ms: Largest 90th percentile of inference, in milliseconds.
        speedup: Least times the speed of FP32 on the same runtime.
        map_fall_points: Most mAP it may lose against the baseline, in points.
        slowdown: Most times the 90th percentile of the baseline.
        confident: Whether the whole 95 % interval has to keep a limit, not the figure alone.
    """

    map_drop_points: float | None = None
    agreement: float | None = None
    p90_ms: float | None = None
    speedup: float | None = None
    map_fall_points: float | None = None
    slowdown: float | None = None
    confident: bool = False


@dataclass(frozen=True)
class Check:
    """One limit, and whether it is kept.

    Attributes:
        limit: The flag it is asked for by.
        allowed: What the figure may be.
        figure: What it is; ``None`` where the report does not have it.
        ci95: Its 95 % interval.
        reason: The figure, its interval and what it rests on, as a sentence without its stop.
    """

    limit: str
    allowed: float | None
    figure: float | None
    ci95: Interval95 | None
    passed: bool
    reason: str


@dataclass(frozen=True)
class Gate:
    """What came of all limits.

    Attributes:
        row: Name of the row that was held to them; ``None`` where nothing ships.
        status: Of that row.
        notes: What to know of the figures, one sentence each without its stop.
    """

    row: str | None
    status: str | None
    checks: tuple[Check, ...]
    notes: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether every limit is kept."""
        return all(check.passed for check in self.checks)


def gate(
    report: Report, limits: Limits, row: str | None = None, accepted: Report | None = None
) -> Gate:
    """Return which of ``limits`` a row of ``report`` keeps.

    Args:
        report: Of one run.
        limits: At least one.
        row: Name of the row; without it, the one that ships.
        accepted: The baseline. Without a limit of its own, mAP may fall by 0.5 points against it
            and the 90th percentile may become 1.1 times as long; with one, that one alone counts.

    Raises:
        ConfigError: No limit is asked for or one makes no sense, or the two reports cannot be
            compared.
        UnknownNameError: There is no such row.
    """
    limits = _completed(limits, accepted)
    chosen = _row(report, row)
    if chosen is None:
        reason = f"nothing ships: {report.verdict.because.rstrip('.')}"
        return Gate(None, None, (Check("verdict", None, None, None, False, reason),))
    baseline = None if accepted is None else _baseline(report, limits, row, accepted)
    checks = tuple(_check(rule, chosen, baseline, limits) for rule in _asked(limits))
    return Gate(chosen.name, chosen.status, checks, tuple(_notes(report, chosen, baseline)))


@dataclass(frozen=True)
class _Rule:
    """A limit: the field of ``Limits``, its flag, and what its figure is.

    Attributes:
        words: What follows the figure in a sentence.
        counted: What there is to be more of for a narrower interval.
        most: Whether the figure may not be above the limit; below it otherwise.
    """

    field: str
    flag: str
    words: str
    counted: str
    figure: Callable[[Row, Baseline | None], Figure]
    most: bool = True

    def keeps(self, value: float, allowed: float) -> bool:
        """Return whether ``value`` is within ``allowed``; what is no number never is."""
        over = value - allowed if self.most else allowed - value
        return over <= _ROUNDING


def _map_drop(row: Row, _: Baseline | None) -> Figure:
    if row.baseline and row.map is not None:
        return Figure(0.0, (0.0, 0.0), "which is what other rows are compared with")
    if row.map_drop_points is None:
        why = f"{row.name} has no mAP to lose: it was not scored on labelled images"
        return Figure(None, None, f"{why}. Convert with --eval, or ask for --min-agreement")
    return Figure(row.map_drop_points, row.map_drop_ci95, f"on {row.images} images")


def _agreement(row: Row, _: Baseline | None) -> Figure:
    if row.baseline and row.status != "not-run":
        return Figure(1.0, (1.0, 1.0), "which is what other rows are compared with")
    if row.agreement is None:
        return Figure(None, None, f"{row.name} was not compared with FP32 on any image")
    return Figure(row.agreement, None, f"on {row.images} images")


def _p90(row: Row, _: Baseline | None) -> Figure:
    if row.status != SHIPPABLE or row.latency_ms is None:
        return Figure(None, None, untimed(row))
    latency = row.latency_ms
    return Figure(latency.p90, latency.p90_ci95, f"{latency.runs} runs")


def _speedup(row: Row, _: Baseline | None) -> Figure:
    if row.baseline and row.shippable:
        return Figure(1.0, (1.0, 1.0), "which is what other rows are compared with")
    if row.status != SHIPPABLE or row.speedup is None:
        return Figure(None, None, untimed(row))
    return Figure(row.speedup, row.speedup_ci95, "timed in turn")


def _of_both(figure: Callable[[Row, Baseline], Figure]) -> Callable[[Row, Baseline | None], Figure]:
    def of_both(row: Row, baseline: Baseline | None) -> Figure:
        assert baseline is not None
        return figure(row, baseline)

    return of_both


_RULES = (
    _Rule(
        "map_drop_points", "--max-map-drop", "points of mAP lost against FP32", "images", _map_drop
    ),
    _Rule(
        "agreement",
        "--min-agreement",
        "agreement with FP32's detections",
        "images",
        _agreement,
        most=False,
    ),
    _Rule("p90_ms", "--max-p90-ms", "ms at the 90th percentile of inference", "runs", _p90),
    _Rule(
        "speedup",
        "--min-speedup",
        "times the speed of FP32 on its runtime",
        "runs",
        _speedup,
        most=False,
    ),
    _Rule(
        "map_fall_points",
        "--max-map-fall",
        "points of mAP below the baseline",
        "images",
        _of_both(map_fall),
    ),
    _Rule(
        "slowdown",
        "--max-slowdown",
        "times the baseline's 90th percentile",
        "runs",
        _of_both(slowdown),
    ),
)
_COMPARING = ("map_fall_points", "slowdown")
_ABOVE_ZERO = ("p90_ms", "speedup", "slowdown")


def _completed(limits: Limits, accepted: Report | None) -> Limits:
    """Return ``limits`` with the usual ones where a baseline has none; refuse what has no sense."""
    asked = {rule.field for rule in _asked(limits)}
    for rule in _asked(limits):
        _refuse_senseless(rule, getattr(limits, rule.field))
        if accepted is None and rule.field in _COMPARING:
            raise ConfigError(
                f"{rule.flag} compares with another report, and none is given. "
                "Add --baseline OLD_REPORT_JSON."
            )
    if accepted is not None and not asked.intersection(_COMPARING):
        return replace(limits, map_fall_points=MAP_FALL_POINTS, slowdown=SLOWDOWN)
    if not asked:
        flags = ", ".join(rule.flag for rule in _RULES if rule.field not in _COMPARING)
        raise ConfigError(
            f"A gate needs a limit, and none is given. Add {flags} or --baseline OLD_REPORT_JSON."
        )
    return limits


def _refuse_senseless(rule: _Rule, allowed: float) -> None:
    if rule.field == "agreement" and not 0 <= allowed <= 1:
        expected = "a number from 0 to 1"
    elif rule.field in _ABOVE_ZERO and not allowed > 0:
        expected = "a number above 0"
    elif not math.isfinite(allowed):
        expected = "a number"
    else:
        return
    raise ConfigError(f"{rule.flag} {allowed:g}: expected {expected}. Give another limit.")


def _asked(limits: Limits) -> tuple[_Rule, ...]:
    return tuple(rule for rule in _RULES if getattr(limits, rule.field) is not None)


def _row(report: Report, name: str | None) -> Row | None:
    wanted = report.verdict.ship if name is None else name
    if wanted is None:
        return None
    names = [row.name for row in report.rows]
    if wanted not in names:
        raise UnknownNameError("row", wanted, names)
    return report.row(wanted)


def _baseline(report: Report, limits: Limits, name: str | None, accepted: Report) -> Baseline:
    wanted = accepted.verdict.ship if name is None else name
    names = [row.name for row in accepted.rows]
    if wanted is None:
        raise ConfigError(
            "The baseline ships nothing, so there is no row of it to compare with. "
            f"Name a row by --row, of: {', '.join(names)}."
        )
    if wanted not in names:
        raise UnknownNameError("row of the baseline", wanted, names)
    baseline = Baseline(accepted, accepted.row(wanted), report)
    differences = baseline.differences(
        scored=limits.map_fall_points is not None, timed=limits.slowdown is not None
    )
    if differences:
        raise ConfigError(
            f"The baseline cannot be compared with: {'; '.join(differences)}. "
            "Convert again as the baseline was, or accept this report as the new baseline."
        )
    return baseline


def _check(rule: _Rule, row: Row, baseline: Baseline | None, limits: Limits) -> Check:
    allowed = float(getattr(limits, rule.field))
    figure = rule.figure(row, baseline)
    if figure.value is None:
        return Check(rule.flag, allowed, None, None, False, figure.rests_on)
    problem = _problem(rule, figure, figure.value, allowed, confident=limits.confident)
    bounds = ""
    if figure.ci95 is not None:
        low, high = (_told(bound, allowed) for bound in figure.ci95)
        bounds = f" (95 %: {low} to {high})"
    reason = f"{_told(figure.value, allowed)} {rule.words}{bounds}, {figure.rests_on}{problem}"
    return Check(rule.flag, allowed, figure.value, figure.ci95, not problem, reason)


def _problem(rule: _Rule, figure: Figure, value: float, allowed: float, *, confident: bool) -> str:
    """Return what is wrong with a figure, to follow it in a sentence; empty where nothing is."""
    if not rule.keeps(value, allowed):
        return f": {'more' if rule.most else 'less'} than allowed"
    if not confident:
        return ""
    if figure.ci95 is None:
        why = figure.no_interval or "the report has no interval of it"
        return f": --confident needs a 95 % interval, and {why}"
    if all(rule.keeps(bound, allowed) for bound in figure.ci95):
        return ""
    return f": its interval reaches beyond what is allowed; more {rule.counted} narrow it"


def _told(value: float, allowed: float) -> str:
    """Return ``value`` with two digits, or as many as it takes to tell it from ``allowed``."""
    for digits in range(2, _MOST_DIGITS):
        text = f"{value:.{digits}f}"
        if (float(text) > allowed, float(text) < allowed) == (value > allowed, value < allowed):
            return text
    return f"{value:.{_MOST_DIGITS}f}"


def _notes(report: Report, row: Row, baseline: Baseline | None) -> Iterator[str]:
    if row.status != SHIPPABLE:
        why = f": {row.reason}" if row.reason else ""
        yield f"figures of {row.name} are {row.status}{why}"
    if report.verdict.ship != row.name:
        yield f"the verdict ships {report.verdict.ship or 'nothing'}, and not {row.name}"
    if row.disturbed:
        yield f"the timing was disturbed: {'; '.join(row.disturbed)}. Run it again when it is quiet"
    if baseline is not None:
        yield from baseline.notes(row)
