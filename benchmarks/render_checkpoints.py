"""What results/checkpoints.json says of accuracy, as a table."""

from __future__ import annotations

from typing import Any

import render_digits

COLUMNS = (
    "File",
    "batch normalizations before and after",
    "parallel branches before and after",
    "mAP50-95 before",
    "mAP50-95 after",
    "independent reference",
)
NETWORKS = ("as-given", "fp32")


def table(result: dict[str, Any]) -> list[str]:
    """Return one line for every file."""
    if not result:
        return [""]
    return ["", *render_digits.head(COLUMNS), *(line(*item) for item in result.items()), ""]


def line(name: str, part: dict[str, Any]) -> str:
    """Return the line of one file; accuracy in points, to two digits."""
    left = [part["left"][network] for network in NETWORKS if "left" in part]
    scores = [part["map"][key] for key in (*NETWORKS, "reference")]
    cells = [
        name,
        " to ".join(str(counts["batchnorms"]) for counts in left),
        " to ".join(str(counts["parallel_branches"]) for counts in left),
        *(f"{100 * score:.2f}" for score in scores),
    ]
    return render_digits.line(cells)
