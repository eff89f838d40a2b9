"""What results/repairs.json says, as tables."""

from __future__ import annotations

from typing import Any

import render_digits
from render_rows import ISA, by_model

SETS = ("search", "report")
COLUMNS = tuple(part for s in SETS for part in (f"as rounded, {s}", "shifted", "points (95 %)"))
TRIALS = ("tried", "on", "points of agreement (95 %)", "damage as rounded", "repaired")


def kept(result: dict[str, Any]) -> list[str]:
    """Return the agreement with FP32 without and with shifted biases, one line per network."""
    return by_model(result, ["", *COLUMNS], _cells)


def trials(result: dict[str, Any]) -> list[str]:
    """Return what was tried, one line per trial."""
    if not result.get("trials"):
        return [""]
    lines = ["", *render_digits.head(TRIALS)]
    for trial in result["trials"]:
        before, after = (f"{trial['damage'][key]:.3f}" for key in ("before", "after"))
        cells = [trial["what"], trial["model"], _points(trial["points_gained"]), before, after]
        lines.append(render_digits.line(cells))
    return [*lines, ""]


def _cells(name: str, row: dict[str, Any]) -> list[str]:
    cells = [f"{name}, {ISA[row['rule']]}"]
    for images in SETS:
        part = row[images]
        cells += [f"{part['plain']:.3f}", f"{part['bias']:.3f}", _points(part["points_gained"])]
    return cells


def _points(gained: list[float]) -> str:
    value, low, high = gained
    return f"{value:+.1f} ({low:+.1f} to {high:+.1f})"
