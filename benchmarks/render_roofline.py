"""What results/roofline.json says, as tables."""

from __future__ import annotations

from typing import Any

import render_digits

Result = dict[str, Any]
Row = dict[str, Any]

PRECISIONS = ("fp32", "fp16", "int8")
_UNITS = 4  # digits of a time that anybody can use


def errors(result: Result) -> list[str]:
    """Return how far estimates are off on devices that decided nothing, in sentences."""
    if not result:
        return []
    held, left = result["held_out"], result["left_out"]
    each = ", ".join(
        f"{held['by_precision'][p]:.1%} in {p.upper()}"
        for p in PRECISIONS
        if held["by_precision"][p] is not None
    )
    low, high = left["spread"]
    older = [row["error"] for row in result["pairs"] if row["role"] == "superseded"]
    counted = [row["error"] for row in result["pairs"] if row["role"] == "held out"]
    first = (
        f"On {held['pairs']} published times that decided no constant, of {len(held['devices'])} "
        f"devices, the median error is **{held['median_error']:.1%}** ({each})."
    )
    second = (
        f"With every device left out in turn, and the constants fitted to the others, it is "
        f"{left['median_error']:.1%} on {left['pairs']} times, and 80 % of them lie between "
        f"{low:.2f} and {high:.2f} times the estimate."
    )
    third = (
        f"{len(older)} times of an older release, which its publisher has replaced, are listed and "
        f"not counted; counted, the first figure would be {_median(counted + older):.1%}."
    )
    return [first, second, third]


def families(result: Result) -> list[str]:
    """Return what every family of processors stands on, one line each."""
    titles = ["", "fitted to", "checked on", "median error", "each device left out", "80 % within"]
    lines = ["", *render_digits.head(titles)]
    for name, part in result.get("families", {}).items():
        left = part["left_out"]
        cells = [
            name,
            f"{part['pairs']} times on {_devices(part['fitted_on'])}",
            f"{part['checked']} times on {_devices(part['checked_on'])}",
            _percent(part["error"]),
            f"{_percent(left['median_error'])} of {left['pairs']}" if left["pairs"] else "",
            f"{part['spread'][0]:.2f} to {part['spread'][1]:.2f}",
        ]
        lines.append(render_digits.line(cells))
    return [*lines, ""]


def constants(result: Result) -> list[str]:
    """Return the fitted constants, one line per family."""
    titles = ["", *(f"peak in {p.upper()}" for p in PRECISIONS), "bandwidth", "per layer"]
    lines = ["", *render_digits.head(titles)]
    for name, part in result.get("families", {}).items():
        layer = (
            f"{part['cycles']:,.0f} cycles" if part["cycles"] else f"{part['seconds'] * 1e6:.0f} µs"
        )
        peaks = [part["efficiency"].get(p) for p in PRECISIONS]
        cells = [name, *("" if p is None else f"{p:.0%}" for p in peaks), f"{part['memory']:.0%}"]
        lines.append(render_digits.line([*cells, layer]))
    return [*lines, ""]


def variants(result: Result) -> list[str]:
    """Return what the parts of the model are worth, one line per variant."""
    said = {
        "as it is": "as it is",
        "arithmetic alone": "arithmetic alone, a part of the peak for each precision",
        "no cost per layer": "without the cost of a layer",
        "other unit": "that cost in seconds where it is in cycles, and the other way round",
        "joins otherwise": "joins copied where they are free, and the other way round",
    }
    lines = ["", *render_digits.head(["", "median error held out"])]
    for name, error in result.get("variants", {}).items():
        lines.append(render_digits.line([said[name], f"{error:.1%}"]))
    return [*lines, ""]


def networks(result: Result) -> list[str]:
    """Return the work of every network beside what its publisher says, one line each."""
    titles = ["", "layers", "GMACs", "published", "million numbers read and written"]
    lines = ["", *render_digits.head(titles)]
    for name, part in result.get("networks", {}).items():
        published = part["published_gmacs"]
        cells = [
            name,
            str(part["layers"]),
            f"{part['gmacs']:.2f}",
            "" if published is None else f"{published:.2f}",
            f"{part['million_numbers']:.0f}",
        ]
        lines.append(render_digits.line(cells))
    return [*lines, ""]


def pairs(result: Result) -> list[str]:
    """Return every published time with its estimate, one line per source, device and precision."""
    lines = ["", *render_digits.head(["device", "", "", "published → estimated ms", "source"])]
    for rows in _grouped(result.get("pairs", [])):
        first = rows[0]
        source = first["source"]
        cells = [
            f"{first['device']}, {first['family']}",
            first["precision"].upper(),
            {"fitted": "fitted", "held out": "**held out**"}.get(first["role"], first["role"]),
            "; ".join(_pair(row) for row in rows),
            f"[{source}]({first['url']})" if first["url"] else source,
        ]
        lines.append(render_digits.line(cells))
    return [*lines, ""]


def _grouped(rows: list[Row]) -> list[list[Row]]:
    keys = ("device", "family", "precision", "role", "source")
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row[key] for key in keys), []).append(row)
    ordered = sorted(groups, key=lambda key: (key[1], key[3] == "superseded", key[0], key[2]))
    return [groups[key] for key in ordered]


def _pair(row: Row) -> str:
    off = row["estimated_ms"] / row["published_ms"] - 1
    return (
        f"{row['model']} {row['published_ms']:.{_UNITS}g} → {row['estimated_ms']:.3g} ({off:+.0%})"
    )


def _devices(names: list[str]) -> str:
    return ", ".join(names)


def _percent(value: float | None) -> str:
    return "" if value is None else f"{value:.0%}"


def _median(values: list[float]) -> float:
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2
