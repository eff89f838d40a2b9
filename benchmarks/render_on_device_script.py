"""What the table of TensorRT versions and results/on_device_script.json say, as tables."""

from __future__ import annotations

from typing import Any

import render_digits

from edgekit.backends.tensorrt.trtexec import commands, precision_flags
from edgekit.backends.tensorrt.versions import JETPACKS, VERSIONS, jetpacks_with

COLUMNS = ("TensorRT", "file it gets", "INT8", "FP16", "timed with", "DLA takes", "JetPack")
BOARDS = ("JetPack", "Linux for Tegra", "TensorRT", "boards", "Python", "")
RUNS = ("Python", "TensorRT", "INT8 file", "ended well", "a second run built", "flags ignored")
FILES = {"weak": "float32 with Q/DQ, opset 17", "strong": "float16 with Q/DQ, opset 19"}


def versions() -> list[str]:
    """Return a line for every row of the table of versions."""
    lines = ["", *render_digits.head(COLUMNS)]
    for entry in VERSIONS:
        timed = [word for word in commands(entry, "int8").time if "{" not in word]
        cells = (
            entry.name,
            FILES[entry.typing],
            _code(precision_flags(entry, "int8")),
            _code(precision_flags(entry, "fp16")),
            _code(word for word in timed if not word.startswith("--percentile")),
            ", ".join(entry.dla).upper() or "no",
            ", ".join(jetpack.name for jetpack in jetpacks_with(entry)) or "none",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return [*lines, ""]


def jetpacks() -> list[str]:
    """Return a line for every JetPack, with the reason where nothing is built for it."""
    lines = ["", *render_digits.head(BOARDS)]
    for one in JETPACKS:
        told = f"not supported: {one.refused}" if one.refused else ""
        cells = (one.name, one.l4t, one.tensorrt, one.boards, one.python, told)
        lines.append(f"| {' | '.join(cells)} |")
    return [*lines, ""]


def runs(result: dict[str, Any]) -> list[str]:
    """Return a line for every Python and version the script was run with."""
    if not result:
        return [""]
    lines = ["", *render_digits.head(RUNS)]
    for run in result["runs"]:
        well = run["exit_code"] == run["exit_code_again"] == 0
        cells = (
            run["python"],
            run["tensorrt"],
            f"`{run['files']['int8']}`",
            "yes" if well else f"no: {run['exit_code']}, {run['exit_code_again']}",
            ", ".join(run["built_again"]) or "nothing",
            "yes" if run["warned"] else "none",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return [*lines, ""]


def _code(words: Any) -> str:
    return " ".join(f"`{word}`" for word in words) or "nothing"
