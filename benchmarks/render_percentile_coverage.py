"""What results/percentile_coverage.json says, as a table."""

from __future__ import annotations

from typing import Any

import render_digits

MEMORIES = {
    None: "none",
    0.0: "within a round",
    0.5: "half of it to the next round",
    0.8: "four fifths of it to the next round",
}
COLUMNS = (
    "runs",
    "state that is passed on",
    "p50",
    "p90",
    "p99",
    "the same by drawing rounds anew",
    "early stopping above p90",
)


def table(result: dict[str, Any]) -> list[str]:
    """Return how often intervals held the true percentile, one line for each kind of times."""
    if not result:
        return [""]
    lines = ["", *render_digits.head(COLUMNS)]
    for row in result["rows"]:
        cells = [
            str(row["rounds"] * result["runs"]),
            MEMORIES[row["memory"]],
            *(_covered(row[name]) for name in ("p50", "p90", "p99")),
            ", ".join(f"{row[name]['resampled']:.0%}" for name in ("p50", "p90", "p99")),
            f"{row['early_stopping_above']:.1%}",
        ]
        lines.append(render_digits.line(cells))
    return [*lines, ""]


def _covered(part: dict[str, Any]) -> str:
    if part["bounded"] < 0.05:
        return "no interval"
    told = f"{part['covered']:.1%}"
    return told if part["bounded"] > 0.95 else f"{told}, given in {part['bounded']:.0%}"
