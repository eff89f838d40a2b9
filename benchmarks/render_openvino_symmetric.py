"""What results/openvino_symmetric.json says, as tables and a sentence."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import render_digits

if TYPE_CHECKING:
    from collections.abc import Iterable

EXACT_DB = 150  # more than float32 resolves
RUNTIMES = ("ONNX Runtime", "OpenVINO")


def scales(result: dict[str, Any]) -> list[str]:
    """Return how far OpenVINO is from what is exact and from what is suspected, by scale."""
    columns = ("scale", *RUNTIMES, "OpenVINO against steps of one")
    keys = ("ort_db", "openvino_db", "from_lost_scale_db")
    rows = ([str(Fraction(r["scale"])), *_told(r, keys)] for r in result.get("scales", []))
    return _table(columns, rows)


def variants(result: dict[str, Any]) -> list[str]:
    """Return how far both runtimes are from what is exact, by the way a network is written."""
    rows = (
        [name, *_told(row, ("ort_db", "openvino_db")), row["input"]]
        for name, row in result.get("variants", {}).items()
    )
    return _table(("network", *RUNTIMES, "the convolution reads"), rows)


def block(result: dict[str, Any]) -> list[str]:
    """Return how far both runtimes are from float in a block with SiLU, as a sentence."""
    if "block" not in result:
        return [""]
    rows = {name: _told(row, ("ort_db", "openvino_db")) for name, row in result["block"].items()}
    signed, narrow, beside = (
        "{} dB in ONNX Runtime and {} in OpenVINO".format(*rows[name])
        for name in ("signed", "signed, 7-bit weights", "unsigned beside the Concat")
    )
    told = (
        f"A block of YOLOv8's kind, signed by ONNX Runtime's own tool, is at {signed} against "
        f"float; with weights of 7 bits at {narrow}; with nothing but what its Concat reads and "
        f"makes unsigned, at {beside}."
    )
    return [told]


def _told(row: dict[str, Any], keys: Iterable[str]) -> list[str]:
    values = [row.get(key) for key in keys]
    return ["" if v is None else "exact" if v > EXACT_DB else f"{v:.1f}" for v in values]


def _table(columns: Iterable[str], rows: Iterable[list[str]]) -> list[str]:
    lines = [render_digits.line(row) for row in rows]
    return ["", *render_digits.head(columns), *lines, ""] if lines else [""]
