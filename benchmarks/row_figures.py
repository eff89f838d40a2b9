"""The figures of one row of a benchmark: how good, how fast, how much in INT8."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edgekit.measure.latency import speedup

if TYPE_CHECKING:
    from edgekit.measure.latency import LatencyRun
    from edgekit.pipeline.rows import Entry, Scores


def accuracy_figures(score: Scores) -> dict[str, Any]:
    """Return how good one row is, as fractions of 1, and what it lost, in points."""
    assert score.accuracy is not None
    return {
        "map": round(score.accuracy.map, 5),
        "map50": round(score.accuracy.map50, 5),
        "map_drop_points": score.drop and round(score.drop.value, 3),
        "map_drop_ci95": score.drop and [round(score.drop.low, 3), round(score.drop.high, 3)],
        "agreement": score.agreement and round(score.agreement, 4),
    }


def latency_figures(name: str, run: LatencyRun) -> dict[str, Any]:
    """Return how fast the row ``name`` is, alone and against both float rows."""
    by_name = {r.name: r for r in run.results}
    timed = by_name[name]
    ratio = speedup(by_name["edgekit fp32"], timed)
    ratio_given = speedup(by_name["as-given fp32"], timed)
    return {
        "p50_ms": round(timed.latency.p50, 3),
        "p90_ms": round(timed.latency.p90, 3),
        "runs": timed.latency.runs,
        "speedup_over_edgekit_fp32": round(ratio.value, 3),
        "speedup_over_edgekit_fp32_ci95": [round(ratio.low, 3), round(ratio.high, 3)],
        "speedup_over_as_given": round(ratio_given.value, 3),
        "speedup_over_as_given_ci95": [round(ratio_given.low, 3), round(ratio_given.high, 3)],
    }


def rival_figures(name: str, run: LatencyRun) -> dict[str, Any]:
    """Return how much faster a row of edgekit's is than what was made by hand-written names."""
    rivals = [r for r in run.results if "by hand" in r.name]
    timed = next(r for r in run.results if r.name == name)
    if not rivals or not name.startswith("edgekit"):
        return {}
    ratios = {rival.name: speedup(rival, timed) for rival in rivals}
    return {
        "speedup_over": {
            rival: [round(end, 3) for end in (ratio.value, ratio.low, ratio.high)]
            for rival, ratio in ratios.items()
        }
    }


def coverage_figures(entry: Entry) -> dict[str, Any]:
    """Return how much of one row runs in INT8, where that was looked at."""
    if entry.coverage is None:
        return {}
    return {
        "mac_share_int8": round(entry.coverage.mac_share_int8, 4),
        "convs_int8": entry.coverage.int8,
        "convs_float": len(entry.coverage.float_nodes),
    }
