"""What results/openvino_cpu_int8_*.json say beside what was asked for, as a table."""

from __future__ import annotations

from typing import Any

from render_digits import head, line, span
from render_ort_cpu_int8 import KERNELS, MODELS

LEAST_AGREEMENT = {
    "yolov8n": 0.97,
    "yolov5n": 0.95,
    "yolov10s_e2e_unfused": 0.95,
    "yolox_nano_kazuhito": 0.93,
    "picodet_s_320_coco": 0.93,
    "digits": 0.95,
}
OURS = {"edgekit int8": "`convert`", "edgekit mixed": "`tune`"}
RIVALS = ("nncf by hand", "nncf by hand on edgekit fp32")


def bars(results: dict[str, dict[str, Any]]) -> list[str]:
    """Return what edgekit's rows reach beside NNCF's with a scope written by hand.

    Args:
        results: By the names of ``KERNELS``.
    """
    titles = (
        "",
        "agreement asked",
        "reached",
        "NNCF by hand",
        "times its speed (95 %)",
        "NNCF by hand, on edgekit's FP32",
        "times its speed (95 %)",
    )
    lines: list[str] = []
    for kernels, result in results.items():
        models = result.get("models", {})
        if not models:
            continue
        lines += ["", f"On {result['machine']['cpu']}, {KERNELS[kernels]}:", "", *head(titles)]
        for name, least in LEAST_AGREEMENT.items():
            rows = models.get(name, {})
            scored = [row for row in OURS if "agreement" in rows.get(row, {})]
            lines += [_line(name, least, rows, row) for row in scored]
    return [*lines, ""]


def _line(name: str, least: float, rows: dict[str, Any], row: str) -> str:
    cells = [f"{MODELS[name]}, {OURS[row]}", f"{least}", f"{rows[row]['agreement']:.3f}"]
    for rival in RIVALS:
        other = rows.get(rival, {})
        cells.append(f"{other['agreement']:.3f}" if "agreement" in other else "")
        speed = rows[row].get("speedup_over", {}).get(rival)
        cells.append(f"{speed[0]:.2f} ({span(speed[1:], 2)})" if speed else "")
    return line(cells)
