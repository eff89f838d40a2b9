"""The plot of what each layer costs in INT8, as an SVG file of its own."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edgekit.values import Interval

SHOWN = 30
INK, FAINT, BAR = "#1f2328", "#d0d7de", "#2f6f9f"
ROW_INCHES, LEAST_INCHES = 0.2, 1.2


def damage_chart(damages: Sequence[tuple[str, Interval]], title: str) -> str:
    """Return an SVG of bars, the first layer on top, each with its 95 % interval.

    Args:
        damages: Layer and damage, 0 to 1, the largest first; beyond 30 layers the rest is left out.
        title: Stands above the bars.
    """
    from matplotlib import rc_context
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    shown = damages[:SHOWN]
    text = io.StringIO()
    with rc_context(
        {
            "svg.fonttype": "none",
            "svg.hashsalt": "edgekit",
            "font.size": 8,
            "text.parse_math": False,
        }
    ):
        figure = Figure(figsize=(7, LEAST_INCHES + ROW_INCHES * len(shown)), layout="constrained")
        FigureCanvasSVG(figure)
        axes = figure.add_subplot()
        places = range(len(shown))
        axes.barh(places, [100 * d.value for _, d in shown], color=BAR, height=0.65)
        for place, (_, damage) in zip(places, shown, strict=True):
            axes.plot([100 * damage.low, 100 * damage.high], [place, place], color=INK, lw=1)
        axes.set_yticks(places, [name for name, _ in shown])
        axes.set_ylim(len(shown) - 0.4, -0.6)
        axes.set_xlim(left=0)
        axes.set_xlabel("damage to the detections when only this layer is in INT8, %")
        axes.set_title(title, loc="left", fontsize=9, color=INK)
        axes.grid(axis="x", color=FAINT, lw=0.5)
        axes.set_axisbelow(True)
        axes.tick_params(colors=INK, length=0)
        axes.spines[:].set_visible(False)
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    return text.getvalue()
