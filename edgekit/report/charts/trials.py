"""What a search tried: accuracy against time, both compared with FP32."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edgekit.report.cells import ms, points, signed_points, times
from edgekit.report.charts.chart import Chart
from edgekit.report.charts.theme import (
    ACCENT,
    INK,
    LINE,
    PAPER,
    figure,
    number,
    precision_shape,
    told,
)

if TYPE_CHECKING:
    from edgekit.report.schema import Search, Trial


def trials(search: Search) -> Chart | None:
    """Return the chart; ``None`` where no trial has a figure to place it.

    Up is agreement with FP32, or, where trials differ in input size, the mAP that is kept.
    """
    placed = [t for t in search.trials if _up(t, search) is not None]
    if not placed:
        return None
    several = _several_sizes(search)
    title = "change of mAP against FP32, points" if several else "agreement with FP32, points"
    each = [f"{t.name}: {_told(t, search)} at {times(t.speedup)}" for t in placed]
    return Chart(
        name="trials",
        title="What was tried",
        words="What was tried. " + "; ".join(each) + ".",
        caption="Up is nearer to FP32, left is faster. The line joins the front. "
        "Hollow marks do not keep what was asked for.",
        spec=_spec([_value(t, search) for t in placed], title),
    )


def _several_sizes(search: Search) -> bool:
    return len({t.input_hw for t in search.trials}) > 1


def _up(trial: Trial, search: Search) -> float | None:
    if _several_sizes(search):
        return None if trial.map_drop_points is None else -trial.map_drop_points
    return None if trial.agreement is None else 100 * trial.agreement


def _told(trial: Trial, search: Search) -> str:
    if _several_sizes(search):
        return f"loses {signed_points(trial.map_drop_points)} points of mAP"
    return f"agreement {points(trial.agreement)}"


def _value(trial: Trial, search: Search) -> dict[str, Any]:
    chosen = trial.name == search.chosen
    return {
        "label": trial.name,
        "named": chosen or trial.precision in ("fp32", "int8"),
        "precision": trial.precision,
        "chosen": chosen,
        "met": trial.met,
        "front": trial.front,
        # In percent of FP32's, paired: the machine was not equally busy for all.
        "time": 100 / trial.speedup,
        "y": _up(trial, search),
        "y_text": _told(trial, search),
        "layers": str(trial.layers_float),
        "speedup_text": times(trial.speedup, trial.speedup_ci95),
        "p50_text": ms(trial.p50_ms),
    }


def _spec(values: list[dict[str, Any]], title: str) -> dict[str, Any]:
    right = 1.15 * max(v["time"] for v in values)
    place: dict[str, Any] = {
        "x": number(
            "time",
            title="inference, % of FP32's time: timed in turn with it",
            scale={"domain": [0, right]},
        ),
        "y": number("y", title=title, scale={"zero": False}),
    }
    color = {"condition": {"test": "datum.chosen", "value": ACCENT}, "value": INK}
    layers: list[dict[str, Any]] = [
        {
            "transform": [{"filter": "datum.front"}],
            "mark": {"type": "line", "color": LINE, "strokeWidth": 1.2},
            "encoding": {**place, "order": {"field": "time"}},
        },
        {
            "mark": {"type": "point", "filled": True, "opacity": 1, "strokeWidth": 1.4},
            "encoding": {
                **place,
                "shape": precision_shape(values),
                "stroke": color,
                "fill": {
                    "condition": [
                        {"test": "!datum.met", "value": PAPER},
                        {"test": "datum.chosen", "value": ACCENT},
                    ],
                    "value": INK,
                },
                "size": {"condition": {"test": "datum.chosen", "value": 150}, "value": 55},
                "tooltip": told(
                    ("label", "network"),
                    ("y_text", "accuracy"),
                    ("p50_text", "p50 ms"),
                    ("speedup_text", "speedup (95 %)"),
                    ("layers", "layers in float"),
                ),
            },
        },
        {
            "transform": [{"filter": "datum.named"}],
            "mark": {"type": "text", "align": "left", "dx": 9, "dy": 12},
            "encoding": {**place, "text": {"field": "label"}, "color": color},
        },
    ]
    return figure(values, data="trials", layer=layers)
