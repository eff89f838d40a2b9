"""Which layers are expected to lose most to rounding: a forecast."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgekit.report.cells import share
from edgekit.report.charts.chart import Chart
from edgekit.report.charts.theme import HUES, STEP_PX, figure, name, number, told

if TYPE_CHECKING:
    from edgekit.report.entries import Entry

MOST = 12


def layers(entry: Entry) -> Chart | None:
    """Return the chart of one row's layers; ``None`` where it has no forecast."""
    found = entry.row.layers[:MOST]
    if not found:
        return None
    values = [{"layer": s.layer, "percent": 100 * s.share, "text": share(s.share)} for s in found]
    each = [f"{v['layer']}: {v['text']}" for v in values]
    y = name("layer", title=None, sort=[v["layer"] for v in values])
    return Chart(
        name=f"layers-{entry.key}",
        title="Where rounding is expected to cost most, by layer",
        words=f"Layers whose rounded results cost most in {entry.label}. " + "; ".join(each) + ".",
        caption=(
            "A forecast from calibration, nothing measured: squared rounding errors of what a "
            "layer gives, weighed by the gradients of the predictions. Measured layer by layer: "
            "edgekit inspect --sensitivity."
        ),
        spec=figure(
            values,
            data="layers",
            height={"step": STEP_PX},
            mark={"type": "bar", "height": 10, "color": HUES[0]},
            encoding={
                "x": number("percent", title="share of what rounding is expected to cost, %"),
                "y": y,
                "tooltip": told(("layer", "layer"), ("text", "share")),
            },
        ),
    )
