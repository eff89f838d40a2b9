"""What results/families.json says, as a table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import render_digits

RESULT = Path(__file__).resolve().parent / "results" / "families.json"
COLUMNS = (
    "Network",
    "parameters (published)",
    "GMACs (published)",
    "convolutions before and after",
    "batch norms left",
    "refused",
    "float32 difference",
    "float64 difference",
)


def committed() -> dict[str, Any]:
    """Return the committed result; nothing before it was measured."""
    if not RESULT.exists():
        return {}
    result: dict[str, Any] = json.loads(RESULT.read_text(encoding="utf-8"))
    return result


def table(result: dict[str, Any]) -> list[str]:
    """Return one line for every network."""
    if not result:
        return [""]
    head = render_digits.head(COLUMNS)
    return ["", *head, *(line(name, network) for name, network in result.items()), ""]


def line(name: str, network: dict[str, Any]) -> str:
    """Return the line of one network."""
    said, side = network["published"], network["side"]
    gmacs = "" if said["gmacs"] is None else f" ({said['gmacs']})"
    trained = " as trained" if network["as_trained"] else ""
    cells = [
        name if side == 640 else f"{name}, {side}",
        f"{network['parameters']:,} ({said['parameters']}{trained})",
        f"{network['gmacs']:.3f}{gmacs}",
        " to ".join(map(str, network["convolutions"])),
        str(network["batchnorms_left"]),
        str(len(network["refused"])),
        f"{network['float32']:.1e}",
        f"{network['float64']:.1e}",
    ]
    return render_digits.line(cells)
