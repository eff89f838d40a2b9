"""What results/calibration_*.json and near_duplicates.json say, as tables and sentences."""

from __future__ import annotations

from statistics import mean
from typing import Any

import render_digits

COLUMNS = (
    "Model",
    "images",
    "draws",
    "half differs from all by",
    "advice, draw by draw",
    "agreement of INT8, mean",
    "least to most",
)


def sizes(result: dict[str, Any]) -> list[str]:
    """Return one line for every model and number of images."""
    lines = render_digits.head(COLUMNS)
    for model, part in result.items():
        by_size: dict[int, list[dict[str, Any]]] = {}
        for row in part["rows"]:
            by_size.setdefault(row["images"], []).append(row)
        lines += [size_line(model, rows) for rows in by_size.values()]
    return ["", *lines, ""] if result else [""]


def size_line(model: str, rows: list[dict[str, Any]]) -> str:
    """Return the line of all draws of as many images."""
    agreed = [row["agreement"] for row in rows]
    more = sorted(row["more"] for row in rows)
    spread = f"{min(agreed):.3f} to {max(agreed):.3f}" if len(rows) > 1 else ""
    cells = [
        model,
        str(rows[0]["images"]),
        str(len(rows)),
        f"{100 * mean(row['difference_of_half'] for row in rows):.1f} %",
        ", ".join(f"add {number}" if number else "stop" for number in more),
        f"{mean(agreed):.3f}",
        spread,
    ]
    return render_digits.line(cells)


def duplicates(result: dict[str, Any]) -> list[str]:
    """Return what was taken for one picture, and which changed copies were found."""
    if not result:
        return [""]
    sets = [
        f"- {name}: {len(part['alike'])} of {part['pairs']:,} pairs of {part['images']} images"
        f"{' (' + ', '.join(part['alike']) + ')' if part['alike'] else ''}"
        for name, part in result["sets"].items()
    ]
    copies = [f"- {name}: {share:.1%}" for name, share in result["copies"].items()]
    return [
        "",
        "Taken for one picture:",
        "",
        *sets,
        "",
        "Photographs known for the same after a change:",
        "",
        *copies,
        "",
    ]


def cost(result: dict[str, Any]) -> list[str]:
    """Return what calibration costs beside ONNX Runtime's own, as a sentence."""
    if not result:
        return [""]
    ours, theirs = (
        f"{result[name]['seconds']:.0f} s and {result[name]['peak_bytes'] / 2**30:.2f} GiB"
        for name in ("edgekit", "peer")
    )
    passes = ", ".join(
        f"{name} {seconds:.0f} s"
        for name, seconds in result["rounds"][-1]["edgekit"]["passes"].items()
    )
    told = (
        f"From {result['images']} images at 640 to INT8, yolov8n takes edgekit {ours} ({passes}), "
        f"and `quantize_static` with min-max {theirs}: {result['times_as_long']:.2f} times as long."
    )
    return [told]
