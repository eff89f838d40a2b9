"""What results/busy_machine.json says, as a table and a sentence."""

from __future__ import annotations

from statistics import median
from typing import Any

import render_digits

TITLES = {"digits": "digit detector", "yolov5n": "YOLOv5n"}
STATES = {"quiet": "alone", "busy": "beside another program"}
COLUMNS = (
    "",
    "p50 ms of FP32",
    "p50 ms of INT8",
    "speed of INT8 over FP32: 95 % interval of each run",
    "of their time, models waited for a core",
    "runs marked",
)


def table(result: dict[str, Any]) -> list[str]:
    """Return a line for every model and state, lowest to highest of its runs."""
    if not result.get("models"):
        return [""]
    lines = ["", *render_digits.head(COLUMNS)]
    for name, part in result["models"].items():
        for state, told in STATES.items():
            runs = [run for run in part["runs"] if run["state"] == state]
            lines.append(_line(f"{TITLES[name]}, {told}", runs))
    return [*lines, "", *sentences(result), ""]


def sentences(result: dict[str, Any]) -> list[str]:
    """Return for every model how far single figures move, and whether the ratio does."""
    told = []
    for name, part in result["models"].items():
        quiet, busy = (
            [run for run in part["runs"] if run["state"] == state] for state in ("quiet", "busy")
        )
        moved = [
            median(run[kind]["p50_ms"] for run in busy)
            / median(run[kind]["p50_ms"] for run in quiet)
            for kind in ("fp32", "int8")
        ]
        pairs = list(zip(quiet, busy, strict=True))
        overlapping = sum(_overlap(a["speedup_ci95"], b["speedup_ci95"]) for a, b in pairs)
        told.append(
            f"{TITLES[name]}: beside the other program the median takes {moved[0]:.2f} times as "
            f"long in FP32 and {moved[1]:.2f} times in INT8; the interval of the ratio overlaps "
            f"that of the quiet run before it in {overlapping} of {len(pairs)} pairs."
        )
    return told


def _line(title: str, runs: list[dict[str, Any]]) -> str:
    waited = [100 * run["waited"] for run in runs]
    cells = [
        title,
        _range([run["fp32"]["p50_ms"] for run in runs], 2),
        _range([run["int8"]["p50_ms"] for run in runs], 2),
        ", ".join(render_digits.span(run["speedup_ci95"], 2) for run in runs),
        f"{_range(waited, 0)} %",
        f"{sum(bool(run['disturbed']) for run in runs)} of {len(runs)}",
    ]
    return render_digits.line(cells)


def _range(values: list[float], digits: int) -> str:
    return render_digits.span([min(values), max(values)], digits)


def _overlap(one: list[float], other: list[float]) -> bool:
    return one[0] <= other[1] and other[0] <= one[1]
