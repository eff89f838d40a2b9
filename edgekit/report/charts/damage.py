"""What each layer costs in INT8, with its interval."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgekit.report.charts.chart import Chart
from edgekit.report.charts.theme import HUES, INK, STEP_PX, figure, name, number, told

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edgekit.values import Interval

MOST = 30


def damage(damages: Sequence[tuple[str, Interval]], title: str) -> Chart:
    """Return the chart of the layers, the first on top.

    Args:
        damages: Layer and damage, 0 to 1, the largest first; beyond 30 layers the rest is left out.
        title: Stands above the bars.
    """
    values = [
        {
            "layer": layer,
            "damage": 100 * d.value,
            "low": 100 * d.low,
            "high": 100 * d.high,
            "text": f"{d.value:.2%} ({d.low:.2%} to {d.high:.2%})",
        }
        for layer, d in damages[:MOST]
    ]
    each = [f"{v['layer']}: {v['text']}" for v in values]
    y = name("layer", title=None, sort=[v["layer"] for v in values])
    x_title = "damage to the detections when only this layer is in INT8, %"
    return Chart(
        name="damage",
        title=title,
        words=f"{title}. " + "; ".join(each) + ".",
        caption="A line is the 95 % interval.",
        spec=figure(
            values,
            data="damage",
            height={"step": STEP_PX},
            title={"text": title, "anchor": "start", "color": INK, "fontWeight": "normal"},
            layer=[
                {
                    "mark": {"type": "bar", "height": 10, "color": HUES[0]},
                    "encoding": {
                        "x": number("damage", title=x_title),
                        "y": y,
                        "tooltip": told(("layer", "layer"), ("text", "damage")),
                    },
                },
                {
                    "mark": {"type": "rule", "color": INK},
                    "encoding": {"x": number("low"), "x2": {"field": "high"}, "y": y},
                },
            ],
        ),
    )
