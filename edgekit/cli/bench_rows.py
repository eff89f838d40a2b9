"""What ``edgekit bench`` shows of one model."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edgekit.pipeline.evaluate import Bench


def in_full(result: Bench) -> dict[str, object]:
    """Return every figure of one model, for programs."""
    return _timed(result) | _scored(result) | _details(result)


def tables(results: Sequence[Bench]) -> list[list[dict[str, object]]]:
    """Return what there is room for: a table of times, and one of scores where there are any."""
    times = [_in_brief(_timed(r) | _at_once(r)) for r in results]
    scores = [_in_brief({"model": r.name} | _scored(r)) for r in results if r.scores]
    return [times, scores] if scores else [times]


def marks(result: Bench) -> list[str]:
    """Return what disturbed this model alone; what disturbed all is a warning already."""
    own = [clause for clause in result.timed.disturbed if clause.startswith("it took ")]
    return [f"{result.name}: {clause}." for clause in own]


def _timed(result: Bench) -> dict[str, object]:
    latency = result.timed.latency
    row: dict[str, object] = {
        "model": result.name,
        "p50_ms": round(latency.p50, 2),
        "p90_ms": round(latency.p90, 2),
        "p99_ms": round(latency.p99, 2),
        "runs": latency.runs,
        "pre_ms": round(latency.pre_p50, 2),
        "post_ms": round(latency.post_p50, 2),
        "fps": round(result.timed.fps, 1),
    }
    ratio = result.speedup
    row["speedup"] = round(ratio.value, 2) if ratio else None
    row["speedup_ci95"] = [round(ratio.low, 2), round(ratio.high, 2)] if ratio else None
    return row


def _scored(result: Bench) -> dict[str, object]:
    if result.scores is None:
        return {}
    accuracy, drop, agreed = result.scores.accuracy, result.scores.drop, result.scores.agreement
    return {
        "map": round(accuracy.map, 4) if accuracy else None,
        "map_drop_points": round(drop.value, 2) if drop else None,
        "map_drop_ci95": [round(drop.low, 2), round(drop.high, 2)] if drop else None,
        "agreement": None if agreed is None else round(agreed, 4),
    }


def _in_brief(row: dict[str, object]) -> dict[str, object]:
    """Return ``row`` with intervals in brackets behind their figures."""
    brief = dict(row)
    for figure, interval in (("speedup", "speedup_ci95"), ("map_drop_points", "map_drop_ci95")):
        bounds = brief.pop(interval, None)
        if isinstance(bounds, list):
            brief[figure] = f"{brief[figure]} ({bounds[0]} to {bounds[1]})"
    return brief


def _details(result: Bench) -> dict[str, object]:
    """Return what JSON has and the table has no room for."""
    timed = result.timed
    return {
        "p50_ci95_ms": timed.spread.p50_ci95,
        "p90_ci95_ms": timed.spread.p90_ci95,
        "p99_ci95_ms": timed.spread.p99_ci95,
        "p90_early_stopping_ms": timed.spread.p90_early_stopping,
        "quantiles_ms": timed.spread.quantiles,
        "load_ms": timed.load_ms,
        "cold_start_ms": timed.cold_start_ms,
        "warmup_runs": timed.warmup_runs,
        "threads": timed.threads,
        "settings": timed.settings,
        "peak_memory_bytes": timed.peak_memory_bytes,
        "throughput": [vars(rate) for rate in timed.throughput],
        "energy": timed.energy and vars(timed.energy),
        "disturbed": timed.disturbed,
        "conditions": result.conditions,
    }


def _at_once(result: Bench) -> dict[str, object]:
    """Return the table's columns of several streams."""
    rates = result.timed.throughput
    return {f"fps, {r.streams} at once": round(r.fps, 1) for r in rates if r.streams > 1}
