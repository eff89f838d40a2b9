"""All charts of a page, drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgekit.report.charts.chart import draw
from edgekit.report.charts.confusion import confusion
from edgekit.report.charts.curves import f1_over_confidence, precision_recall
from edgekit.report.charts.layers import layers
from edgekit.report.charts.losses import losses
from edgekit.report.charts.pareto import pareto
from edgekit.report.charts.spread import spread
from edgekit.report.charts.trials import trials
from edgekit.report.entries import entries_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edgekit.report.charts.chart import Chart, Drawn
    from edgekit.report.entries import Entry
    from edgekit.report.schema import Report

MOST = 6  # rows whose loss is drawn, not only told


def draw_charts(reports: Sequence[Report]) -> dict[str, Drawn]:
    """Return the charts of a page by name: those for whose figures there are any.

    One run gets all of them, several together those that compare rows.
    """
    entries = entries_of(reports)
    wanted: list[Chart | None] = [pareto(entries), spread(entries)]
    wanted += [precision_recall(entries), f1_over_confidence(entries)]
    if len(reports) == 1:
        (report,) = reports
        wanted += [trials(report.search)] if report.search else []
        wanted += [chart(e) for e in _looked_into(report, entries) for chart in (losses, layers)]
        wanted += [confusion(e) for e in entries if e.shipped]
    return {chart.name: draw(chart) for chart in wanted if chart is not None}


def _looked_into(report: Report, entries: Sequence[Entry]) -> list[Entry]:
    """Return the rows whose loss is drawn: what ships first, of a search nothing else."""
    told = [e for e in entries if e.row.diagnosis or e.row.layers]
    told.sort(key=lambda e: not e.shipped)
    return [e for e in told[:MOST] if report.search is None or e.shipped]
