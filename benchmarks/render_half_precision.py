"""What results/half_precision.json says, as tables."""

from __future__ import annotations

from typing import Any

import render_digits

COLUMNS = ("casts", "MB", "ONNX's checker", "ONNX Runtime", "agreement", "points lost (95 %)")
TYPES = {"float32": "float32", "u8": "u8", "u16": "u16", "s16": "s16"}


def converters(result: dict[str, Any]) -> list[str]:
    """Return what each converter makes of each model, one line each."""
    if not result:
        return [""]
    lines = ["", *render_digits.head(["", *COLUMNS])]
    for model, part in result["models"].items():
        lines.append(f"| **{model}**, at {part['commit'][:7]} |" + " |" * len(COLUMNS))
        lines += [line(title, row) for title, row in part["rows"].items()]
    rows = [row for part in result["models"].values() for row in part["rows"].values()]
    counts = sorted({row["images"] for row in rows if "images" in row})
    return [
        *lines,
        "",
        f"On the first {' or '.join(map(str, counts))} images of coco-val-mini.",
        "",
    ]


def line(title: str, row: dict[str, Any]) -> str:
    """Return the line of one converter; what did not open has no figures."""
    ran = "agreement" in row
    lost = ""
    if ran:
        span = render_digits.span(row["map_drop_ci95"], 2)
        lost = f"{round(row['map_drop_points'], 2) + 0:.2f} ({span})"
    cells = [
        title,
        str(row["casts"]),
        f"{row['bytes'] / 1e6:.1f}",
        "accepts it" if row["checker"] == "accepts it" else "refuses it",
        "opens it" if row["runtime"] == "opens it" else "refuses it",
        f"{100 * row['agreement']:.2f}" if ran else "",
        lost,
    ]
    return render_digits.line(cells)


def kernels(result: dict[str, Any]) -> list[str]:
    """Return the best times of Conv and MatMul by the type of their activations."""
    if not result:
        return [""]
    lines = ["", *render_digits.head(["", *(f"{name}, ms" for name in TYPES.values()), "u16 runs"])]
    for operator in ("Conv", "MatMul"):
        rows = result["kernels"][operator]
        ran = ", ".join(f"{count} {node}" for node, count in rows["u16"]["nodes"].items())
        lines.append(
            render_digits.line([operator, *(f"{rows[name]['best_ms']:.2f}" for name in TYPES), ran])
        )
    return [*lines, ""]
