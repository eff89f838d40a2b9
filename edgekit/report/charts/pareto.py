"""Accuracy against latency: what to give up for what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edgekit.report.cells import RUNTIMES, ms, points, signed_points, times
from edgekit.report.charts.chart import Chart
from edgekit.report.charts.theme import (
    ACCENT,
    HEIGHT_PX,
    HUES,
    LINE,
    PAPER,
    WIDTH_PX,
    figure,
    name,
    number,
    precision_shape,
    told,
)
from edgekit.report.label_places import Labelled, Rect, place_labels
from edgekit.report.pareto import pareto_front

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edgekit.report.entries import Entry
    from edgekit.report.schema import Row

LEAST_SPAN = 4.0  # points: a difference of rounding must not fill the axis
MARK_PX = 10
NAMED = 8  # so few rows all get their names, of more only those that ship
NAME_CHARACTERS = 32
PLOT_HW = (HEIGHT_PX, WIDTH_PX)
# Of rows sorted by time, those that are better than all before them; of a tie, the best alone.
_BY_TIME = {
    "sort": [{"field": "p50"}, {"field": "y", "order": "descending"}],
    "groupby": ["rivals"],
}
_UNBEATEN = [
    {"window": [{"op": "max", "field": "y", "as": "best"}], "frame": [None, 0], **_BY_TIME},
    {"window": [{"op": "lag", "field": "best", "as": "before"}], **_BY_TIME},
    {"filter": "!isValid(datum.before) || datum.best > datum.before"},
]
_CAPTION = (
    "Up is more accurate, left is faster. The line joins rows that no other row beats. "
    "An upright line is the 95 % interval of the loss against FP32, a level one that of the median."
)

_APART = " Rows of different devices or images are not joined."


def pareto(entries: Sequence[Entry]) -> Chart | None:
    """Return the chart of the rows with a measured latency and an accuracy; ``None`` without any.

    Accuracy is mAP, or agreement where no row has an mAP.
    """
    by_map = any(e.row.shippable and e.row.map is not None for e in entries)
    placed = [e for e in entries if e.row.shippable and _accuracy(e, by_map=by_map) is not None]
    if not placed:
        return None
    values = [_value(e, by_map=by_map) for e in placed]
    title = "mAP50-95, points" if by_map else "agreement with FP32, points"
    each = [f"{v['label']}: {v['y_text']} at {v['p50_text']} ms" for v in values]
    several = len({v["rivals"] for v in values}) > 1
    absent = [e.label for e in entries if e not in placed]
    missing = f" Not drawn, for want of a figure: {', '.join(absent)}." if absent else ""
    return Chart(
        name="pareto",
        title="Accuracy against latency",
        words=f"Accuracy against latency. {title}: {'; '.join(each)}.{_unbeaten(placed)}",
        caption=_CAPTION + (_APART if several else "") + missing,
        spec=_spec(_labelled(values), title),
    )


def limits(values: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Return the ends of the axes for ``values``, as the page's script works them out, too."""
    low = min(min(v["y"], v["y_low"]) for v in values)
    high = max(max(v["y"], v["y_high"]) for v in values)
    missing = max(0.0, LEAST_SPAN - (high - low)) / 2
    margin = 0.06 * max(high - low, LEAST_SPAN)
    right = 1.1 * max(v["p50_high"] for v in values)
    return {"x_max": right, "y_min": low - missing - margin, "y_max": high + missing + margin}


def _accuracy(entry: Entry, *, by_map: bool) -> float | None:
    if by_map:
        return entry.row.map
    return 1.0 if entry.row.baseline and entry.row.agreement is None else entry.row.agreement


def _unbeaten(placed: Sequence[Entry]) -> str:
    rivals: dict[str, list[Row]] = {}
    for entry in placed:
        rivals.setdefault(_rivals(entry), []).append(entry.row)
    front = {id(row) for rows in rivals.values() for row in pareto_front(rows)}
    names = [e.label for e in placed if id(e.row) in front]
    return f" No other row beats {', '.join(names)}." if names else ""


def _rivals(entry: Entry) -> str:
    """Return what rows share that may beat each other: the device, and the images of the score."""
    uses = [use for use in entry.report.data if use.role == "evaluation"]
    return "\n".join([entry.report.device, *(use.sha256 or use.source for use in uses)])


def _value(entry: Entry, *, by_map: bool) -> dict[str, Any]:
    row, latency = entry.row, entry.row.latency_ms
    accuracy = _accuracy(entry, by_map=by_map)
    assert latency is not None
    assert accuracy is not None
    y = 100 * accuracy
    low, high = latency.p50_ci95 or (latency.p50, latency.p50)
    ends = (0.0, 0.0)
    if by_map and row.map_drop_ci95 and row.map_drop_points is not None:
        ends = (
            row.map_drop_points - row.map_drop_ci95[1],
            row.map_drop_points - row.map_drop_ci95[0],
        )
    return {
        "key": entry.key,
        "label": entry.label,
        "name": "",
        "model": entry.model,
        "device": entry.report.device,
        "rivals": _rivals(entry),
        "runtime": RUNTIMES[row.backend],
        "precision": row.precision,
        "row": row.name,
        "shipped": entry.shipped,
        "p50": latency.p50,
        "p50_low": low,
        "p50_high": high,
        "y": y,
        "y_low": y + ends[0],
        "y_high": y + ends[1],
        "y_text": points(accuracy),
        "p50_text": ms(latency.p50),
        "p90_text": ms(latency.p90),
        "loss_text": signed_points(row.map_drop_points, row.map_drop_ci95),
        "speedup_text": times(row.speedup, row.speedup_ci95),
    }


def _labelled(values: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return ``values`` with the place of each name: beside its mark, on no other."""
    ends, (height, width) = limits(values), PLOT_HW
    models = len({v["model"] for v in values}) > 1
    wanted = []
    for v in values:
        if v["shipped"] or len(values) <= NAMED:
            v["name"] = _shortened(v["model"] if models else v["row"])
        x = width * v["p50"] / ends["x_max"]
        y = height * (ends["y_max"] - v["y"]) / (ends["y_max"] - ends["y_min"])
        mark = Rect(x - MARK_PX / 2, y - MARK_PX / 2, MARK_PX, MARK_PX)
        wanted.append((Labelled(mark, v["name"], needed=bool(v["name"])), x, y))
    places = place_labels([item for item, _, _ in wanted], PLOT_HW)
    return [
        {
            **v,
            "named": bool(v["name"]) and place is not None,
            "dx": place.x - x if place else 0.0,
            "dy": place.y + place.height / 2 - y if place else 0.0,
        }
        for v, place, (_, x, y) in zip(values, places, wanted, strict=True)
    ]


def _shortened(text: str) -> str:
    return text if len(text) <= NAME_CHARACTERS else text[: NAME_CHARACTERS - 1] + "…"


def _spec(values: list[dict[str, Any]], title: str) -> dict[str, Any]:
    x = number(
        "p50",
        title="inference per image, ms (median)",
        scale={"domain": [0, {"expr": "x_max"}], "nice": False},
    )
    ends = [{"expr": "y_min"}, {"expr": "y_max"}]
    y = number("y", title=title, scale={"domain": ends, "nice": False, "zero": False})
    place: dict[str, Any] = {"x": x, "y": y}
    rule = {"type": "rule", "color": LINE}
    limited = [{"name": k, "value": v} for k, v in limits(values).items()]
    layers: list[dict[str, Any]] = [
        {
            "transform": _UNBEATEN,
            "mark": {"type": "line", "color": LINE, "strokeWidth": 1.2},
            "encoding": {**place, "order": {"field": "p50"}, "detail": {"field": "rivals"}},
        },
        {"mark": rule, "encoding": {"x": x, "y": number("y_low"), "y2": {"field": "y_high"}}},
        {"mark": rule, "encoding": {"x": number("p50_low"), "x2": {"field": "p50_high"}, "y": y}},
        {"name": "points", "mark": _mark(), "encoding": {**place, **_looks(values)}},
        {
            "name": "names",
            "transform": [{"filter": "datum.named"}],
            "mark": {
                "type": "text",
                "align": "left",
                "dx": {"expr": "datum.dx"},
                "dy": {"expr": "datum.dy"},
            },
            "encoding": {**place, "text": {"field": "name"}},
        },
    ]
    params = [*limited, {"name": "focus", "value": -1}]
    return figure(values, data="rows", params=params, layer=layers)


def _mark() -> dict[str, Any]:
    return {"type": "point", "filled": True, "opacity": 1, "strokeWidth": 1.5}


def _looks(values: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return shape by precision, and colour by what there are several of."""
    facet = next(
        (f for f in ("device", "model", "runtime") if len({v[f] for v in values}) > 1), "runtime"
    )
    domain = list(dict.fromkeys(v[facet] for v in values))
    hues = [HUES[i % len(HUES)] for i in range(len(domain))]
    legend = {"title": facet} if len(domain) > 1 else None
    return {
        "shape": precision_shape(values),
        "color": name(facet, scale={"domain": domain, "range": hues}, legend=legend),
        "stroke": {"condition": {"test": "datum.shipped", "value": ACCENT}, "value": PAPER},
        "size": {
            "condition": {"test": "datum.key == focus || datum.shipped", "value": 150},
            "value": 80,
        },
        "tooltip": told(
            ("label", "row"),
            ("device", "device"),
            ("runtime", "runtime"),
            ("precision", "precision"),
            ("y_text", "accuracy"),
            ("loss_text", "loss (95 %)"),
            ("p50_text", "p50 ms"),
            ("p90_text", "p90 ms"),
            ("speedup_text", "speedup (95 %)"),
        ),
    }
