"""What results/busy_machine.json says, as a table."""

from __future__ import annotations

from typing import Any

import render_digits

TITLES = {
    "digits": "digit detector",
    "yolov5n": "YOLOv5n",
    "yolov5n, one thread": "YOLOv5n on one thread",
}
STATES = {
    "quiet": "alone",
    "bursts": "beside bursts",
    "bursts, repeated": "beside bursts, `--repeat-disturbed`",
    "always": "beside a program that never rests",
}
COLUMNS = (
    "",
    "p50 ms, FP32",
    "p90 ms, FP32",
    "p50 ms, INT8",
    "speed of INT8 over FP32 (95 %), median run",
    "intervals that overlap the quiet run's",
    "time spent waiting for a core",
    "runs marked",
)


def table(result: dict[str, Any]) -> list[str]:
    """Return a line for every model and state; ranges are from the lowest to the highest run."""
    if not result.get("models"):
        return [""]
    lines = ["", *render_digits.head(COLUMNS)]
    for name, part in result["models"].items():
        quiet = _of_state(part, "quiet")
        for state, told in STATES.items():
            lines.append(_line(f"{TITLES[name]}, {told}", _of_state(part, state), quiet))
    return [*lines, ""]


def _of_state(part: dict[str, Any], state: str) -> list[dict[str, Any]]:
    return [run for run in part["runs"] if run["state"] == state]


def _line(title: str, runs: list[dict[str, Any]], quiet: list[dict[str, Any]]) -> str:
    middle = sorted(runs, key=lambda run: run["speedup"])[len(runs) // 2]
    pairs = list(zip(runs, quiet, strict=True))
    overlapping = sum(_overlap(a["speedup_ci95"], b["speedup_ci95"]) for a, b in pairs)
    cells = [
        title,
        _range([run["fp32"]["p50_ms"] for run in runs], 2),
        _range([run["fp32"]["p90_ms"] for run in runs], 2),
        _range([run["int8"]["p50_ms"] for run in runs], 2),
        f"{middle['speedup']:.2f} ({render_digits.span(middle['speedup_ci95'], 2)})",
        "" if runs == quiet else f"{overlapping} of {len(pairs)}",
        f"{_range([100 * run['waited'] for run in runs], 0)} %",
        f"{sum(bool(run['disturbed']) for run in runs)} of {len(runs)}",
    ]
    return render_digits.line(cells)


def _range(values: list[float], digits: int) -> str:
    return render_digits.span([min(values), max(values)], digits)


def _overlap(one: list[float], other: list[float]) -> bool:
    return one[0] <= other[1] and other[0] <= one[1]
