"""A row against the one that was accepted before: what fell, and what became slower."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgekit.report.cells import ms

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edgekit.report.parts import Interval95
    from edgekit.report.schema import DataUse, Report, Row

_MACHINE = ("cpu", "cores")


@dataclass(frozen=True)
class Figure:
    """A figure that has a limit.

    Attributes:
        value: ``None`` where it is not known.
        ci95: Its 95 % interval.
        rests_on: How many images or runs; why there is no value, where there is none.
        no_interval: Why there is no interval, where there is none.
    """

    value: float | None
    ci95: Interval95 | None
    rests_on: str
    no_interval: str = ""


@dataclass(frozen=True)
class Baseline:
    """What a report is compared with.

    Attributes:
        report: The one that was accepted.
        row: The row of it.
        now: The report that is compared with it.
    """

    report: Report
    row: Row
    now: Report

    def differences(self, *, scored: bool, timed: bool) -> tuple[str, ...]:
        """Return what keeps the two reports from being compared, one clause each.

        Args:
            scored: Whether mAP is compared, which takes the same images.
            timed: Whether times are compared, which takes the same computer.
        """
        pairs = [("target", self.report.target, self.now.target)]
        if scored:
            uses = (_evaluation(self.report), _evaluation(self.now))
            pairs.append(("evaluation images", *_named(*uses)))
        if timed:
            before, after = self.report.provenance.machine, self.now.provenance.machine
            pairs.append(("device", self.report.device, self.now.device))
            pairs += [(key, str(before.get(key)), str(after.get(key))) for key in _MACHINE]
        return tuple(f"its {what} {a}, here {b}" for what, a, b in pairs if a != b)

    def notes(self, row: Row) -> Iterator[str]:
        """Yield what is other than it was of ``row``, and does not forbid to compare."""
        if self.report.model.sha256 != self.now.model.sha256:
            yield "the model is another than the baseline's"
        before, after = self.report.provenance.versions, self.now.provenance.versions
        for name in sorted(before.keys() & after.keys()):
            if before[name] != after[name]:
                yield f"{name} {after[name]}, the baseline had {before[name]}"
        timed = [r.latency_ms for r in (row, self.row) if r.latency_ms]
        settings = [latency.settings for latency in timed if latency.settings]
        if len(set(settings)) > 1:
            yield f"timed with {settings[0]}, the baseline with {settings[1]}"
        if self.row.disturbed:
            yield f"the timing of the baseline was disturbed: {'; '.join(self.row.disturbed)}"


def untimed(row: Row) -> str:
    """Return that no time of ``row`` was measured, and what to do."""
    why = f": {row.reason}" if row.reason else ""
    return f"{row.name} has no measured time ({row.status}{why}). Measure it on the device"


def map_fall(row: Row, baseline: Baseline) -> Figure:
    """Return how many points of mAP ``row`` lies below the baseline's.

    Where FP32 scores the same in both, the two losses against it give an interval. They count as
    independent; on the same images they rather rise and fall together, and it is then too wide.
    """
    then = baseline.row
    for which, name in ((row, row.name), (then, f"the baseline's {then.name}")):
        if which.map is None:
            return Figure(None, None, f"{name} has no mAP. Convert with --eval, labelled")
    assert row.map is not None
    assert then.map is not None
    text = f"{then.name} there, on the same {row.images} images"
    fall = 100 * (then.map - row.map)
    drops = (_drop(row), _drop(then))
    if _fp32_map(baseline.now, row) != _fp32_map(baseline.report, then):
        return Figure(fall, None, text, "FP32 itself scores otherwise than in the baseline")
    if drops[0] is None or drops[1] is None:
        return Figure(fall, None, text)
    return Figure(fall, difference_ci95(drops[0], drops[1]), text)


def slowdown(row: Row, baseline: Baseline) -> Figure:
    """Return how many times the 90th percentile of the baseline that of ``row`` is.

    The two were timed in runs of their own, not in turn: the interval holds what varies within a
    run, not what varies between runs.
    """
    then = baseline.row
    if not row.shippable:
        return Figure(None, None, untimed(row))
    if not then.shippable:
        return Figure(None, None, f"the baseline's {untimed(then)}")
    assert row.latency_ms is not None
    assert then.latency_ms is not None
    times = (row.latency_ms, then.latency_ms)
    ratio = times[0].p90 / times[1].p90
    text = (
        f"{ms(times[0].p90)} ms against {ms(times[1].p90)} ms of {then.name}, timed in runs apart"
    )
    logs = (_logs(times[0].p90, times[0].p90_ci95), _logs(times[1].p90, times[1].p90_ci95))
    if logs[0] is None or logs[1] is None:
        return Figure(ratio, None, text)
    low, high = difference_ci95(logs[0], logs[1])
    return Figure(ratio, (math.exp(low), math.exp(high)), text)


Estimate = tuple[float, "Interval95"]


def difference_ci95(first: Estimate, second: Estimate) -> Interval95:
    """Return the interval of ``first`` less ``second`` from an interval of each.

    Source:
        Zou and Donner, "Construction of confidence limits about effect measures" (Statistics in
        Medicine, 2008), for estimates that are independent.
    """
    (a, (a_low, a_high)), (b, (b_low, b_high)) = first, second
    low = a - b - math.hypot(a - a_low, b_high - b)
    high = a - b + math.hypot(a_high - a, b - b_low)
    return low, high


def _logs(value: float, interval: Interval95 | None) -> Estimate | None:
    if interval is None or interval[0] <= 0:
        return None
    return math.log(value), (math.log(interval[0]), math.log(interval[1]))


def _drop(row: Row) -> Estimate | None:
    """Return the loss against FP32 with its interval; nothing where it has none."""
    if row.baseline:
        return 0.0, (0.0, 0.0)
    if row.map_drop_points is None or row.map_drop_ci95 is None:
        return None
    return row.map_drop_points, row.map_drop_ci95


def _fp32_map(report: Report, row: Row) -> float | None:
    """Return the mAP of what ``row`` is compared with."""
    return next((r.map for r in report.rows if r.baseline and r.backend == row.backend), None)


def _evaluation(report: Report) -> DataUse | None:
    return next((use for use in report.data if use.role == "evaluation"), None)


def _named(before: DataUse | None, now: DataUse | None) -> tuple[str, str]:
    """Return what the two sets of images are called, alike where they are the same."""
    texts = [f"{use.source} ({use.images})" if use else "none" for use in (before, now)]
    if before is None or now is None or before.sha256 is None or now.sha256 is None:
        return texts[0], texts[1]
    if before.sha256 == now.sha256:
        return texts[1], texts[1]
    return f"{texts[0]}, sha256 {before.sha256[:8]}", f"{texts[1]}, sha256 {now.sha256[:8]}"
