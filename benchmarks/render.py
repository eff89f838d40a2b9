"""Writes the table of results/ort_cpu_int8_*.json into README.md, between its two markers.

Usage: python benchmarks/render.py
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
README = HERE.parent / "README.md"
START, END = "<!-- table: benchmarks/render.py -->\n", "<!-- end of table -->\n"
KERNELS = {
    "native": "VNNI and AMX (this machine as it is)",
    "avx2": "AVX2 only (newer instructions hidden)",
}
COLUMNS = (
    "mAP50-95",
    "points lost (95 %)",
    "agreement",
    "p50 ms",
    "speed (95 %)",
    "MACs in INT8",
)
ROWS = {
    "as-given fp32": "FP32, the file as given",
    "edgekit fp32": "FP32, edgekit",
    "edgekit int8 mse": "**INT8, edgekit**",
    "ort quantize_static conv-only": "INT8, ORT `quantize_static`, Conv/Gemm/MatMul only",
    "ort quantize_static defaults": "INT8, ORT `quantize_static`, defaults",
    "nncf defaults (openvino)": "INT8, NNCF defaults, on OpenVINO",
}


def main() -> None:
    """Render and write."""
    README.write_text(updated(README.read_text(encoding="utf-8")), encoding="utf-8")


def updated(readme: str) -> str:
    """Return ``readme`` with the table of the committed results in it."""
    before, rest = readme.split(START)
    _, after = rest.split(END)
    return before + START + "\n".join(sections()) + "\n" + END + after


def sections() -> list[str]:
    """Return the lines of one table per set of kernels."""
    lines: list[str] = []
    for kernels, title in KERNELS.items():
        path = HERE / "results" / f"ort_cpu_int8_{kernels}.json"
        result = json.loads(path.read_text(encoding="utf-8"))
        lines += ["", f"{title}:", ""]
        lines += [f"| | {' | '.join(COLUMNS)} |", "|" + "---|" * (len(COLUMNS) + 1)]
        for model, rows in result["models"].items():
            at = result["commits"][model][:7]
            lines.append(f"| **{model}**, at {at} |" + " |" * len(COLUMNS))
            lines += [line(title, rows[name]) for name, title in ROWS.items()]
    return [*lines, ""]


def line(title: str, row: dict[str, Any]) -> str:
    """Return one row of the table; speed is against the file as given."""
    lost, share = row["map_drop_points"], row.get("mac_share_int8")
    cells = [
        title,
        f"{100 * row['map']:.1f}",
        "" if lost is None else f"{lost:.1f} ({span(row['map_drop_ci95'], 1)})",
        "" if row["agreement"] is None else f"{row['agreement']:.3f}",
        f"{row['p50_ms']:.1f}",
        f"{row['speedup_over_as_given']:.2f} ({span(row['speedup_over_as_given_ci95'], 2)})",
        "" if share is None else f"{share:.0%}",
    ]
    return f"| {' | '.join(cells)} |"


def span(interval: list[float], digits: int) -> str:
    """Return both ends of an interval."""
    return " to ".join(f"{end:.{digits}f}" for end in interval)


if __name__ == "__main__":
    main()
