"""What results/ort_cpu_int8_*.json say, as tables; a row that was not measured has no line."""

from __future__ import annotations

import statistics
from typing import Any

from render_digits import head, line, span

KERNELS = {
    "avx2": "AVX2 only (newer instructions hidden from the runtimes)",
    "native": "this machine as it is",
}
MODELS = {
    "yolov8n": "yolov8n",
    "yolov5n": "yolov5n",
    "yolov10s_e2e_unfused": "yolov10s",
    "yolox_nano_kazuhito": "yolox_nano",
    "picodet_s_320_coco": "picodet_s_320",
    "digits": "the bundled detector",
}
TOOLS = {
    "ort defaults": "ORT `quantize_static`, defaults",
    "ort conv-only": "ORT `quantize_static`, Conv/Gemm/MatMul only",
    "ort by hand": "ORT U8S8 per channel, decode float by hand-written names",
    "nncf defaults": "NNCF defaults, on OpenVINO",
    "nncf by hand": "NNCF mixed preset, decode float by hand-written scope, on OpenVINO",
}
ROWS = {
    "as-given fp32": "FP32, the file as given",
    "edgekit fp32": "FP32, edgekit",
    "edgekit int8": "**INT8, edgekit**",
    "edgekit mixed": "**Mixed, `edgekit tune`**",
    "edgekit fp32 on onnxruntime": "FP32, edgekit, on ONNX Runtime",
    "edgekit int8 on onnxruntime": "INT8, edgekit, on ONNX Runtime",
    **TOOLS,
    **{f"{tool} on edgekit fp32": f"{title}, on edgekit's FP32" for tool, title in TOOLS.items()},
}
# Least agreement, most points of mAP lost, least speed over edgekit's FP32.
AIMS = {
    "yolov8n": (0.95, 0.3, 1.45),
    "yolov5n": (0.95, 0.3, 1.2),
    "yolov10s_e2e_unfused": (0.95, 0.3, 1.45),
    "yolox_nano_kazuhito": (0.93, 0.5, 1.0),
    "picodet_s_320_coco": (0.93, 0.5, 1.0),
}


def table(results: dict[str, dict[str, Any]]) -> list[str]:
    """Return the tables of every set of kernels.

    Args:
        results: By the names of ``KERNELS``.
    """
    lines: list[str] = []
    for kernels, title in KERNELS.items():
        models = results.get(kernels, {}).get("models", {})
        if models:
            cpu = results[kernels]["machine"]["cpu"]
            lines += ["", f"{cpu}, {title}:", "", *_losses(models), "", *_own(models)]
    return [*lines, ""]


def aims(result: dict[str, Any]) -> list[str]:
    """Return what was aimed at and what is reached, beside the best of the usual tools."""
    models = result.get("models", {})
    lines = ["", *head(["", "aim", "convert", "tune", "best tool, ORT", "best tool, OpenVINO"])]
    for name, (agreement, lost, speed) in AIMS.items():
        if name not in models:
            continue
        rows = models[name]
        cells = [
            f"{agreement} · {lost} · {speed}x",
            *(_reached(rows[row]) for row in ("edgekit int8", "edgekit mixed")),
            *(_reached(_best(rows, runtime)) for runtime in ("ort", "nncf")),
        ]
        lines.append(line([MODELS[name], *cells]))
    return [*lines, ""]


def _best(rows: dict[str, Any], start: str) -> dict[str, Any]:
    """Return the row of the tools that agrees most, of those whose names begin with ``start``."""
    found = [row for name, row in rows.items() if name.startswith(start) and "map" in row]
    best: dict[str, Any] = max(found, key=lambda row: row["agreement"])
    return best


def _reached(row: dict[str, Any]) -> str:
    parts = [f"{row['agreement']:.3f} · {_signed(row['map_drop_points'], 1)}"]
    if "speedup_over_edgekit_fp32" in row:
        parts.append(f"{row['speedup_over_edgekit_fp32']:.2f}x")
    if "mac_share_int8" in row:
        parts.append(f"{row['mac_share_int8']:.0%}")
    return " · ".join(parts)


def _losses(models: dict[str, Any]) -> list[str]:
    """Return points lost, agreement and speed of every row for every model."""
    shown = [name for name in MODELS if name in models]
    titles = ["points lost · agreement · speed", *(MODELS[name] for name in shown), "mean lost"]
    lines = head(titles)
    for row, title in ROWS.items():
        found = [models[name].get(row) for name in shown]
        if any(found):
            lines.append(line([title, *(_cell(figures) for figures in found), _mean(found)]))
    return lines


def _cell(row: dict[str, Any] | None) -> str:
    if row is None:
        return ""
    if "fails" in row:
        return "does not run"
    parts = []
    if row.get("map_drop_points") is not None:
        lost = _signed(row["map_drop_points"], 1)
        parts.append(f"{lost} ({span(row['map_drop_ci95'], 1)}) · {row['agreement']:.3f}")
    if "speedup_over_edgekit_fp32" in row:
        parts.append(f"{row['speedup_over_edgekit_fp32']:.2f}x")
    return " · ".join(parts)


def _mean(rows: list[dict[str, Any] | None]) -> str:
    """Return the mean loss over all models; nothing where one of them is missing."""
    lost = [row["map_drop_points"] for row in rows if row is not None and "map_drop_points" in row]
    if len(lost) < len(rows) or None in lost:
        return ""
    return _signed(statistics.mean(lost), 2)


def _signed(points: float, digits: int) -> str:
    """Return ``points``, zero without a sign."""
    return f"{round(points, digits) + 0:.{digits}f}"


def _own(models: dict[str, Any]) -> list[str]:
    """Return times and coverage of edgekit's INT8, and the commit it was scored at."""
    titles = ("mAP50-95, FP32", "INT8", "p50 ms, FP32", "INT8", "speed (95 %)", "MACs in INT8")
    lines = head(["", *titles, "scored at"])
    for name, title in MODELS.items():
        rows = models.get(name, {})
        ours, fp32 = rows.get("edgekit int8"), rows.get("edgekit fp32")
        if ours is None or fp32 is None:
            continue
        cells = [title, f"{100 * fp32['map']:.1f}", f"{100 * ours['map']:.1f}"]
        if "p50_ms" in ours:
            interval = span(ours["speedup_over_edgekit_fp32_ci95"], 2)
            speed = f"{ours['speedup_over_edgekit_fp32']:.2f} ({interval})"
            cells += [f"{fp32['p50_ms']:.1f}", f"{ours['p50_ms']:.1f}", speed]
        else:
            cells += ["", "", ""]
        lines.append(line([*cells, f"{ours['mac_share_int8']:.0%}", ours["scored_at"][:7]]))
    return lines if len(lines) > 2 else []
