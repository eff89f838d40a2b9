"""What results/shared_scales.json says, as a table."""

from __future__ import annotations

from typing import Any

import render_digits

ISA = {"paired": "x86 without VNNI", "full": "x86 with VNNI"}
COLUMNS = ("", "damage", "agreement", "speedup over apart (95 %)")


def table(result: dict[str, Any]) -> list[str]:
    """Return damage, agreement and speedup by kind of encodings, one line each."""
    if not result:
        return [""]
    lines = ["", *render_digits.head(COLUMNS)]
    for name, part in result["models"].items():
        lines += [_line(name, row) for row in part["rows"]]
    return [*lines, ""]


def _line(name: str, row: dict[str, Any]) -> str:
    title = f"{name}, {ISA[row['rule']]}, {row['encodings']}"
    cells = [title, f"{row['damage']:.3f}", f"{row['agreement']:.3f}"]
    if row["speedup"] is None:
        return render_digits.line([*cells, "1"])
    value, low, high = row["speedup"]
    return render_digits.line([*cells, f"{value:.3f} ({low:.3f} to {high:.3f})"])
