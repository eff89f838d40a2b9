"""What results/gradient_images.json says, as a table."""

from __future__ import annotations

from typing import Any

import render_digits

COLUMNS = ("", "images", "seconds", "damage", "agreement", "points over the first (95 %)")


def table(result: dict[str, Any]) -> list[str]:
    """Return what each number of images takes and gives, one line each."""
    if not result:
        return [""]
    lines = ["", *render_digits.head(COLUMNS)]
    for name, part in result["models"].items():
        lines += [_line(name, row) for row in part["rows"]]
    return [*lines, ""]


def _line(name: str, row: dict[str, Any]) -> str:
    gained, low, high = row["points_gained"]
    cells = [
        name,
        str(row["images"]),
        f"{row['seconds']:.0f}",
        f"{row['damage']:.3f}",
        f"{row['agreement']:.3f}",
        f"{gained + 0:.1f} ({low + 0:.1f} to {high + 0:.1f})",
    ]
    return render_digits.line(cells)
