"""How the times of each row spread: the middle half, the tail, and the 90th percentile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edgekit.report.cells import RUNTIMES, ms
from edgekit.report.charts.chart import Chart
from edgekit.report.charts.theme import (
    ACCENT,
    ALARM,
    HUES,
    LINE,
    STEP_PX,
    figure,
    name,
    number,
    told,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edgekit.report.entries import Entry
    from edgekit.report.speed import LatencyMs

MOST = 30
_CAPTION = (
    "A bar holds the middle half of all runs, the upright line is the median, the thin line "
    "reaches from the 1st to the 99th percentile, the dot is the 90th."
)

_BARE = " Rows of an earlier edgekit have no more than the median and what lies above it: {}."


def spread(entries: Sequence[Entry]) -> Chart | None:
    """Return the chart of the fastest rows with their times; ``None`` without a measured one."""
    timed = [e for e in entries if e.row.shippable]
    if not timed:
        return None
    values = [_value(e) for e in timed]
    bare = sum(len(e.row.latency_ms.quantiles) != 101 for e in timed if e.row.latency_ms)
    return Chart(
        name="latency",
        title="Latency distribution",
        words="Times of inference. " + "; ".join(map(_words, values)) + ".",
        caption=_CAPTION
        + (f" The fastest {MOST} rows." if len(timed) > MOST else "")
        + (_BARE.format(bare) if bare else ""),
        spec=_spec(values),
    )


def _value(entry: Entry) -> dict[str, Any]:
    latency = entry.row.latency_ms
    assert latency is not None
    low, lower, upper, high = _quantiles(latency)
    return {
        "key": entry.key,
        "label": entry.label,
        "runtime": RUNTIMES[entry.row.backend],
        "shipped": entry.shipped,
        "q01": low,
        "q25": lower,
        "p50": latency.p50,
        "q75": upper,
        "p90": latency.p90,
        "q99": high,
        "q25_text": ms(lower),
        "q75_text": ms(upper),
        "p50_text": ms(latency.p50),
        "p90_text": ms(latency.p90),
        "p99_text": ms(latency.p99),
        "runs": str(latency.runs),
    }


def _words(value: dict[str, Any]) -> str:
    if value["q25"] == value["q75"]:
        return f"{value['label']}: median {value['p50_text']} ms"
    low, high = value["q25_text"], value["q75_text"]
    return f"{value['label']}: half of the runs between {low} and {high} ms"


def _quantiles(latency: LatencyMs) -> tuple[float, float, float, float]:
    """Return percentiles 1, 25, 75 and 99; a report of an earlier edgekit has the median alone."""
    if len(latency.quantiles) != 101:
        return latency.p50, latency.p50, latency.p50, latency.p99
    q = latency.quantiles
    return q[1], q[25], q[75], q[99]


def _spec(values: list[dict[str, Any]]) -> dict[str, Any]:
    y = name("label", title=None, sort={"field": "p50", "op": "min"})
    color = {"condition": {"test": "datum.shipped", "value": ACCENT}, "value": HUES[0]}
    tip = told(
        ("label", "row"),
        ("p50_text", "p50 ms"),
        ("p90_text", "p90 ms"),
        ("p99_text", "p99 ms"),
        ("runs", "runs"),
    )
    x_title = "inference per image, ms"
    return figure(
        values,
        data="rows",
        height={"step": STEP_PX},
        transform=[
            {
                "window": [{"op": "row_number", "as": "place"}],
                "sort": [{"field": "p50"}],
            },
            {"filter": f"datum.place <= {MOST}"},
        ],
        layer=[
            {
                "mark": {"type": "rule", "color": LINE},
                "encoding": {"x": number("q01", title=x_title), "x2": {"field": "q99"}, "y": y},
            },
            {
                "mark": {"type": "bar", "height": 10, "cornerRadius": 2},
                "encoding": {
                    "x": number("q25"),
                    "x2": {"field": "q75"},
                    "y": y,
                    "color": color,
                    "tooltip": tip,
                },
            },
            {
                "mark": {"type": "tick", "thickness": 2, "size": 16},
                "encoding": {"x": number("p50"), "y": y, "color": color, "tooltip": tip},
            },
            {
                "mark": {"type": "circle", "color": ALARM, "size": 34, "opacity": 1},
                "encoding": {"x": number("p90"), "y": y, "tooltip": tip},
            },
        ],
    )
