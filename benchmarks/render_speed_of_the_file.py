"""What results/speed_of_the_file_*.json say, as tables."""

from __future__ import annotations

from typing import Any

import render_digits

WRITTEN = "int8"
HEADS = {"native": "with AVX512-VNNI", "avx2": "AVX2 alone"}
KINDS = {
    "convolutions": {"Conv", "FusedConv", "QLinearConv", "QGemm"},
    "activations": {"QuickGelu", "QLinearSigmoid", "QLinearMul", "Mul", "Sigmoid", "Clip", "Div"},
    "sums": {"Add", "QLinearAdd"},
    "joins and splits": {"Concat", "QLinearConcat", "Split", "Slice"},
    "upsampling": {"Upsample", "Resize", "Expand"},
    "changes of layout": {"Transpose", "ReorderInput", "ReorderOutput", "Reshape"},
    "changes of precision": {"DequantizeLinear", "QuantizeLinear", "Cast"},
}

Results = dict[str, dict[str, Any]]


def speedups(results: Results) -> list[str]:
    """Return how many times as fast as FP32 INT8 is, one line per model."""
    names = _models(results)
    lines = ["", *render_digits.head(["", *(HEADS[key] for key in results)])]
    for name in names:
        cells = [name]
        for result in results.values():
            part = result.get("models", {}).get(name)
            cells.append(_ratio(part["speedup"], part["speedup_ci95"]) if part else "")
        lines.append(render_digits.line(cells))
    return [*lines, ""]


def ways(results: Results) -> list[str]:
    """Return how many times as fast every way is, one line per way, one column per model."""
    names = _models(results)
    columns = [(key, name) for key in results for name in names]
    lines = ["", *render_digits.head(["", *(f"{name}, {HEADS[key]}" for key, name in columns)])]
    parts = [results[key].get("models", {}).get(name, {}).get("ways", {}) for key, name in columns]
    for way in dict.fromkeys(way for part in parts for way in part):
        rows = [part.get(way) for part in parts]
        if "," in way:
            cells = [
                _ratio(row["times_as_fast"], row["times_as_fast_ci95"]) if row else ""
                for row in rows
            ]
            lines.append(render_digits.line([way, *cells]))
    return [*lines, ""]


def where(results: Results) -> list[str]:
    """Return what kinds of operators take in FP32 and INT8, in ms, one line per model and set."""
    lines = ["", *render_digits.head(["", *KINDS])]
    for key, result in results.items():
        for name, part in result.get("models", {}).items():
            both = [_by_kind(part["where"][form]) for form in ("fp32", WRITTEN)]
            cells = [f"{both[0][kind]:.2f}, {both[1][kind]:.2f}" for kind in KINDS]
            lines.append(render_digits.line([f"{name}, {HEADS[key]}", *cells]))
    return [*lines, ""]


def _by_kind(times: dict[str, float]) -> dict[str, float]:
    return {
        kind: sum(ms for name, ms in times.items() if name in names)
        for kind, names in KINDS.items()
    }


def _models(results: Results) -> list[str]:
    return list(dict.fromkeys(n for result in results.values() for n in result.get("models", {})))


def _ratio(value: float, interval: list[float]) -> str:
    return f"{value:.2f} ({interval[0]:.2f} to {interval[1]:.2f})"
