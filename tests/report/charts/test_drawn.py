from __future__ import annotations

from edgekit.report.charts.drawn import MOST, draw_charts
from tests.report.searches import make_search


def test_one_run_gets_every_chart_it_has_figures_for(report):
    searched = report.model_copy(update={"search": make_search()})

    assert list(draw_charts([report])) == ["pareto", "latency", "loss-1"]
    assert "trials" in draw_charts([searched])


def test_several_runs_get_those_that_compare(report):
    other = report.model_copy(update={"device": "Another"})

    assert list(draw_charts([report, other])) == ["pareto", "latency"]


def test_of_many_rows_the_loss_of_a_few_is_drawn_and_of_what_ships(report):
    lossy = report.rows[1]
    others = tuple(lossy.model_copy(update={"name": f"int8 {n}"}) for n in range(2 * MOST))
    many = report.model_copy(update={"rows": (report.rows[0], *others, lossy)})
    drawn = [name for name in draw_charts([many]) if name.startswith("loss-")]

    assert len(drawn) == MOST
    assert drawn[0] == f"loss-{len(others) + 1}"
