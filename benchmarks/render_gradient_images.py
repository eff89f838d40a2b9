"""What results/gradient_images.json says, as a table."""

from __future__ import annotations

from typing import Any

from render_rows import by_model

COLUMNS = ("", "images", "seconds", "damage", "agreement", "points over the first (95 %)")


def table(result: dict[str, Any]) -> list[str]:
    """Return what each number of images takes and gives, one line each."""
    return by_model(result, COLUMNS, _cells)


def _cells(name: str, row: dict[str, Any]) -> list[str]:
    gained, low, high = row["points_gained"]
    return [
        name,
        str(row["images"]),
        f"{row['seconds']:.0f}",
        f"{row['damage']:.3f}",
        f"{row['agreement']:.3f}",
        f"{gained + 0:.1f} ({low + 0:.1f} to {high + 0:.1f})",
    ]
