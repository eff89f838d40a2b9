"""The plot of accuracy against latency, as an SVG that takes its colours from the page."""

from __future__ import annotations

import io
import re
from html import escape
from typing import TYPE_CHECKING

from edgekit.report.cells import ms, points
from edgekit.report.pareto import pareto_front

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from matplotlib.axes import Axes

    from edgekit.report.schema import Report, Row
    from edgekit.report.speed import LatencyMs

# Stand-ins that the page's style sheet replaces, so that one drawing serves light and dark.
INK, FAINT, FRONT, SHIPPED = "#000001", "#000002", "#000003", "#000004"
VARIABLES = {INK: "--ink", FAINT: "--faint", FRONT: "--line", SHIPPED: "--accent"}
MARKERS = {"fp32": "o", "fp16": "s", "bf16": "P", "int8": "D", "mixed": "^"}
LEAST_SPAN_POINTS = 4.0  # a difference of rounding must not fill the axis


def chart_svg(report: Report) -> str | None:
    """Return the plot as an ``<svg>`` element, or ``None`` when no row has both figures."""
    rows = charted(report.rows)
    if not rows:
        return None
    return drawing(lambda axes: _draw(axes, rows, report.verdict.ship), description(report))


def drawing(draw: Callable[[Axes], None], label: str) -> str:
    """Return what ``draw`` draws as an ``<svg>`` element, which ``label`` tells in words."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with rc_context(
        {
            "svg.fonttype": "none",
            "svg.hashsalt": "edgekit",
            "font.size": 9,
            "text.parse_math": False,
        }
    ):
        figure = Figure(figsize=(5.6, 3.5), layout="constrained", facecolor="none")
        FigureCanvasSVG(figure)
        draw(figure.add_subplot(facecolor="none"))
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    return _for_the_page(text.getvalue(), label)


def charted(rows: Sequence[Row]) -> tuple[Row, ...]:
    """Return the rows that have both a measured latency and an mAP."""
    return tuple(r for r in rows if r.shippable and r.map is not None)


def description(report: Report) -> str:
    """Return what the plot shows, in words, for those who do not see it."""
    each = [f"{r.name}: mAP {points(r.map)} at {ms(_p50(r))} ms" for r in charted(report.rows)]
    return "Accuracy against latency. " + "; ".join(each) + "."


def _draw(axes: Axes, rows: Sequence[Row], ship: str | None) -> None:
    front = pareto_front(rows)
    axes.plot([_p50(r) for r in front], [_map(r) for r in front], color=FRONT, lw=1.2, zorder=1)
    for place, row in enumerate(sorted(rows, key=_p50)):
        # Neighbours get their names on different sides, so that they do not collide.
        offset = (7, -13) if place % 2 else (7, 6)
        _draw_row(axes, row, SHIPPED if row.name == ship else INK, offset)
    _scale(axes, rows)
    axes.set_xlabel("inference per image, ms: median, line to the 90th percentile")
    axes.set_ylabel("mAP50-95, points")
    axes.grid(color=FAINT, lw=0.5)
    axes.set_axisbelow(True)
    axes.tick_params(colors=INK, length=0)
    axes.spines[:].set_visible(False)
    for label in (axes.xaxis.label, axes.yaxis.label):
        label.set_color(INK)


def _draw_row(axes: Axes, row: Row, color: str, offset: tuple[int, int]) -> None:
    x, y = _p50(row), _map(row)
    axes.plot([x, _latency(row).p90], [y, y], color=color, lw=1)
    if row.map_drop_ci95 and row.map_drop_points is not None:
        base = y + row.map_drop_points
        ends = [base - drop for drop in row.map_drop_ci95]
        axes.plot([x, x], ends, color=color, lw=1)
    axes.plot([x], [y], MARKERS[row.precision], color=color, ms=8, zorder=3)
    if color == SHIPPED or row.precision != "mixed":  # of many mixed rows the table has the names
        axes.annotate(row.name, (x, y), offset, textcoords="offset points", color=color)


def _scale(axes: Axes, rows: Sequence[Row]) -> None:
    axes.set_xlim(0, 1.3 * max(_latency(r).p90 for r in rows))
    low, high = axes.get_ylim()
    missing = max(0.0, LEAST_SPAN_POINTS - (high - low)) / 2
    axes.set_ylim(low - missing, high + missing)
    axes.locator_params(nbins=7)


def _for_the_page(svg: str, label: str) -> str:
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'font: ([\d.]+)px [^;"]*', r"font-size: \1px", svg)
    svg = svg.replace("xlink:href", "href")
    for color, variable in VARIABLES.items():
        svg = svg.replace(color, f"var({variable})")
    body = svg[svg.index(">") + 1 :]
    box = re.search(r'viewBox="([^"]*)"', svg)
    assert box is not None
    return f'<svg class="chart" viewBox="{box[1]}" role="img" aria-label="{escape(label)}">{body}'


def _latency(row: Row) -> LatencyMs:
    assert row.latency_ms is not None
    return row.latency_ms


def _p50(row: Row) -> float:
    return _latency(row).p50


def _map(row: Row) -> float:
    assert row.map is not None
    return 100 * row.map
