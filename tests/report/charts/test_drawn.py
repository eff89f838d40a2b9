from __future__ import annotations

from edgekit.report.charts.drawn import draw_charts
from tests.report.searches import make_search


def test_one_run_gets_every_chart_it_has_figures_for(report):
    searched = report.model_copy(update={"search": make_search()})

    assert list(draw_charts([report])) == ["pareto", "latency", "loss-1"]
    assert "trials" in draw_charts([searched])


def test_several_runs_get_those_that_compare(report):
    other = report.model_copy(update={"device": "Another"})

    assert list(draw_charts([report, other])) == ["pareto", "latency"]
