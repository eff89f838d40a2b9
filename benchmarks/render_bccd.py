"""What results/bccd.json says of the detector of blood cells, as tables and a list."""

from __future__ import annotations

from typing import Any

from render_digits import agreed, head, line, lost, percent, span

GIVEN, FP32, INT8 = "as-given fp32", "edgekit fp32", "edgekit int8"
ROWS = {
    GIVEN: "FP32, the file as given",
    FP32: "FP32, edgekit (folded and merged)",
    INT8: "**INT8, edgekit**",
    "ort conv-only": "INT8, ORT `quantize_static`, Conv/Gemm/MatMul only",
    "ort defaults": "INT8, ORT `quantize_static`, defaults",
    "nncf defaults": "INT8, NNCF defaults, on OpenVINO",
}
COLUMNS = (
    "mAP50-95",
    "mAP50",
    "points lost (95 %)",
    "agreement",
    "MACs in INT8",
    "p50 ms",
    "speed (95 %)",
)


def table(result: dict[str, Any]) -> list[str]:
    """Return one line per row: accuracy, and speed against edgekit's FP32."""
    if not result:
        return [""]
    part, timed = result["accuracy"], result["latency"]["rows"]
    machine = result["latency"]["machine"]
    lines = ["", *head(["", *COLUMNS])]
    for name, title in ROWS.items():
        row, fast = part["rows"][name], timed[name]
        share = row.get("mac_share_int8")
        speed = "speedup_over_edgekit_fp32"
        cells = [title, percent(row["map"]), percent(row["map50"]), lost(row), agreed(row)]
        cells += ["" if share is None else f"{share:.0%}", f"{fast['p50_ms']:.2f}"]
        cells.append(f"{fast[speed]:.2f} ({span(fast[f'{speed}_ci95'], 2)})")
        lines.append(line(cells))
    return [
        *lines,
        "",
        f"{part['images']} images; {part['calibration_images']} others calibrate.",
        f"Timed on {machine['cores']} cores of {machine['cpu']} ({', '.join(machine['isa'])}).",
        "Losses, agreement and speed are against edgekit's FP32.",
        "",
    ]


def classes(result: dict[str, Any]) -> list[str]:
    """Return one line per class: the file as given and edgekit's INT8."""
    if not result:
        return [""]
    part = result["accuracy"]
    given, int8 = (part["rows"][name] for name in (GIVEN, INT8))
    columns = ["", "objects", "mAP50-95", "mAP50", "mAP50-95 in INT8", "mAP50 in INT8"]
    lines = ["", *head(columns)]
    for name, count in part["boxes"].items():
        found = [row["per_class"][name][key] for row in (given, int8) for key in ("map", "map50")]
        lines.append(line([name, f"{count:,}", *map(percent, found)]))
    found = [row[key] for row in (given, int8) for key in ("map", "map50")]
    total = sum(part["boxes"].values())
    return [*lines, line(["all", f"{total:,}", *map(percent, found)]), ""]


def bars(result: dict[str, Any]) -> list[str]:
    """Return what the conversion has to show, with what was found."""
    return ["", *(_bar(each) for each in result.get("bars", [])), ""]


def _bar(bar: dict[str, Any]) -> str:
    side = "at_least" if "at_least" in bar else "at_most"
    verdict = "met" if bar["met"] else f"missed by {abs(bar['found'] - bar[side]):.3g}"
    wanted = f"{side.replace('_', ' ')} {bar[side]:g}"
    return f"- {bar['bar']}: {wanted}, found {bar['found']:.4g}: {verdict}."
