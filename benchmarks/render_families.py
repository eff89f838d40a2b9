"""What results/families.json says, as one table and the list of its sources."""

from __future__ import annotations

from typing import Any

import render_digits

COLUMNS = (
    "Family",
    "network",
    "loads from",
    "official file",
    "parameters (published)",
    "GMACs (published)",
    "float32 difference",
    "float64 difference",
    "batch norms left",
)
TITLES = {
    "yolov1": "YOLO",
    "yolov2": "YOLOv2",
    "yolov3": "YOLOv3",
    "yolov4": "YOLOv4",
    "yolov5": "YOLOv5",
    "yolov6": "YOLOv6",
    "yolov7": "YOLOv7",
    "yolov8": "YOLOv8",
    "yolov9": "YOLOv9",
    "yolov10": "YOLOv10",
    "yolo11": "YOLO11",
    "yolox": "YOLOX",
    "nanodet": "NanoDet-Plus",
    "repvgg": "RepVGG",
    "mobileone": "MobileOne",
}
COUNTED = {
    "deployed": "{}",
    "as trained": "{} as trained",
    "in the file": "file of {}",
}


def table(result: dict[str, Any]) -> list[str]:
    """Return one line for every network, and one for every source of published figures."""
    if not result:
        return [""]
    head = render_digits.head(COLUMNS)
    lines = [line(name, network) for name, network in result.items()]
    return ["", *head, *lines, "", "Published in:", "", *sources(result), ""]


def line(name: str, network: dict[str, Any]) -> str:
    """Return the line of one network."""
    said, side, file = network["published"], network["side"], network["official_file"]
    gmacs = "" if said["gmacs"] is None else f" ({said['gmacs']})"
    published = COUNTED[network["counted"]].format(grouped(said["parameters"]))
    cells = [
        TITLES[network["family"]],
        name if side == 640 else f"{name}, {side}",
        network["loads_from"],
        "no" if file is None else f"`{file}`",
        f"{network['parameters']:,} ({published})",
        f"{network['gmacs']:.3f}{gmacs}",
        f"{network['float32']:.1e}",
        f"{network['float64']:.1e}",
        str(network["batchnorms_left"]),
    ]
    return render_digits.line(cells)


def grouped(figure: str) -> str:
    """Return a published figure with its thousands apart."""
    number, *unit = figure.split()
    return " ".join([f"{int(number):,}" if number.isdecimal() else number, *unit])


def sources(result: dict[str, Any]) -> list[str]:
    """Return where the published figures stand, with the networks each source has them of."""
    names: dict[str, list[str]] = {}
    for name, network in result.items():
        names.setdefault(network["published"]["source"], []).append(f"`{name}`")
    return [f"- {' '.join(of)}: {source}." for source, of in names.items()]
