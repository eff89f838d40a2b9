"""How every chart looks: colours by name, and what Vega-Lite is told once for all charts.

A colour is written as the page's CSS variable, so that one drawing serves light and dark; a file
that stands alone gets the light page's values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PRINT_COLORS = {
    "paper": "#ffffff",
    "ink": "#1b1d20",
    "muted": "#5b6067",
    "faint": "#e3e3de",
    "line": "#9a9da1",
    "accent": "#00684a",
    "alarm": "#b0340f",
    "hue-1": "#0b62a4",
    "hue-2": "#b4500b",
    "hue-3": "#7a3fa0",
    "hue-4": "#7d6608",
    "hue-5": "#a3195b",
    "hue-6": "#00737a",
}
HUES = tuple(f"var(--hue-{n})" for n in range(1, 7))
INK, MUTED, FAINT, LINE = "var(--ink)", "var(--muted)", "var(--faint)", "var(--line)"
ACCENT, ALARM, PAPER = "var(--accent)", "var(--alarm)", "var(--paper)"

SHAPES = {
    "fp32": "circle",
    "fp16": "square",
    "bf16": "cross",
    "int8": "diamond",
    "mixed": "triangle-up",
}
WIDTH_PX, HEIGHT_PX = 640, 340
STEP_PX = 22
_FONT = "system-ui, sans-serif"

CONFIG: dict[str, Any] = {
    "aria": False,  # the page says in words what a chart shows
    "background": None,
    "font": _FONT,
    "view": {"stroke": None},
    "text": {"color": INK, "fontSize": 12},
    "axis": {
        "labelColor": INK,
        "titleColor": INK,
        "gridColor": FAINT,
        "domain": False,
        "ticks": False,
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "titlePadding": 8,
        "labelPadding": 6,
        "labelLimit": 260,
        "labelOverlap": True,
        "tickCount": 8,
    },
    "legend": {
        "orient": "bottom",
        "direction": "horizontal",
        "columns": 4,
        "layout": {"bottom": {"direction": "vertical"}},
        "labelColor": INK,
        "titleColor": MUTED,
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "labelLimit": 150,
    },
}


def number(field: str, **more: object) -> dict[str, Any]:
    """Return an encoding of a figure."""
    return {"field": field, "type": "quantitative", **more}


def name(field: str, **more: object) -> dict[str, Any]:
    """Return an encoding of a word."""
    return {"field": field, "type": "nominal", **more}


def precision_shape(values: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the shape that stands for the precision of each of ``values``, with its legend."""
    seen = [p for p in SHAPES if any(v["precision"] == p for v in values)]
    scale = {"domain": seen, "range": [SHAPES[p] for p in seen]}
    return name("precision", scale=scale, legend={"symbolFillColor": INK})


def told(*fields: tuple[str, str]) -> list[dict[str, Any]]:
    """Return what shows under the pointer: fields, each with its heading, as text."""
    return [name(field, title=heading) for field, heading in fields]


def figure(values: list[dict[str, Any]], *, data: str, **parts: object) -> dict[str, Any]:
    """Return a Vega-Lite figure over ``values``, which the page finds under the name ``data``."""
    size = {"width": WIDTH_PX, "height": HEIGHT_PX}
    return {**size, "data": {"name": data, "values": values}, "config": CONFIG, **parts}
