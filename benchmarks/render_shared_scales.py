"""What results/shared_scales.json says, as a table."""

from __future__ import annotations

from typing import Any

from render_rows import ISA, by_model

COLUMNS = ("", "damage", "agreement", "speedup over apart (95 %)")


def table(result: dict[str, Any]) -> list[str]:
    """Return damage, agreement and speedup by kind of encodings, one line each."""
    return by_model(result, COLUMNS, _cells)


def _cells(name: str, row: dict[str, Any]) -> list[str]:
    title = f"{name}, {ISA[row['rule']]}, {row['encodings']}"
    cells = [title, f"{row['damage']:.3f}", f"{row['agreement']:.3f}"]
    if row["speedup"] is None:
        return [*cells, "1"]
    value, low, high = row["speedup"]
    return [*cells, f"{value:.3f} ({low:.3f} to {high:.3f})"]
