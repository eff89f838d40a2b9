"""What results/range_choices.json says, as a table."""

from __future__ import annotations

from typing import Any

import render_digits
from render_rows import ISA

COLUMNS = tuple(f"{how}, {where}" for where in ("search", "report") for how in ("mse", "damage"))


def table(result: dict[str, Any]) -> list[str]:
    """Return the agreement with FP32 by observer, one line per model and kind of weights."""
    if not result:
        return [""]
    lines = ["", *render_digits.head(["", *COLUMNS])]
    for name, part in result["models"].items():
        lines += [
            render_digits.line([f"{name}, {isa}", *_cells(part["rows"], rule)])
            for rule, isa in ISA.items()
        ]
    return [*lines, ""]


def _cells(rows: list[dict[str, Any]], rule: str) -> list[str]:
    by_observer = {row["observer"]: row["agreement"] for row in rows if row["rule"] == rule}
    return [
        f"{by_observer[observer][split]:.3f}"
        for split in ("search", "report")
        for observer in ("mse", "damage")
    ]
