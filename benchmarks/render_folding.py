"""What results/folding.json says, as a table."""

from __future__ import annotations

from typing import Any

import render_digits

TITLES = {
    "digits": "digit detector",
    "yolov10s": "YOLOv10-S",
    "yolov6s": "YOLOv6-S, random weights",
}
SETTINGS = {"optimized": "on", "not optimized": "off"}
COLUMNS = (
    "ONNX Runtime's own optimizations",
    "nodes before and after",
    "p50 ms before",
    "p50 ms after",
    "speed (95 %)",
)


def table(result: dict[str, Any]) -> list[str]:
    """Return what folding is worth for every network, one line for each setting."""
    if not result:
        return [""]
    lines = ["", *render_digits.head(["", *COLUMNS])]
    for name, title in TITLES.items():
        if name in result:
            lines += [line(title, result[name], setting) for setting in SETTINGS]
    return [*lines, ""]


def line(title: str, network: dict[str, Any], setting: str) -> str:
    """Return the line of one network in one setting."""
    part = network["latency"][setting]
    before, after = part["p50_ms"].values()
    nodes = [str(file["nodes"]) for file in network["files"].values()]
    interval = render_digits.span(part["speedup_ci95"], 2)
    cells = [
        title,
        SETTINGS[setting],
        " to ".join(nodes),
        f"{before:.1f}",
        f"{after:.1f}",
        f"{part['speedup']:.2f} ({interval})",
    ]
    return render_digits.line(cells)
