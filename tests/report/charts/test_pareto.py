from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit.report.charts.chart import draw, svg_file
from edgekit.report.charts.pareto import LEAST_SPAN, PLOT_HW, limits, pareto
from edgekit.report.entries import entries_of
from edgekit.report.schema import Verdict

NOTHING = Verdict(ship=None, because="Nothing.")


def texts(chart):
    return {
        "".join(t.itertext()).strip()
        for t in ET.fromstring(svg_file(draw(chart))).iter("{http://www.w3.org/2000/svg}text")
    }


def line_points(chart):
    """Return the number of corners of the line through what is not beaten."""
    svg = draw(chart).svg
    line = svg[svg.index("mark-line") :]
    path = line[line.index("<path") : line.index("/>", line.index("<path"))]
    return path.count("L") + path.count("M")


def test_the_chart_names_the_rows_that_have_both_figures(report):
    chart = pareto(entries_of([report]))

    assert {"fp32", "int8"} <= texts(chart)
    assert not {"trt", "openvino"} & texts(chart)
    assert "fp32: 39.8 at 58.3 ms" in chart.words
    assert "Not drawn, for want of a figure: trt, openvino." in chart.caption


def test_the_line_joins_what_no_other_row_beats(report, make_row):
    figures = {"a": (10, 0.30), "beaten": (12, 0.29), "b": (20, 0.35), "as good": (25, 0.35)}
    rows = tuple(make_row(n, p50=p, map=m, images=9) for n, (p, m) in figures.items())
    chart = pareto(entries_of([report.model_copy(update={"rows": rows, "verdict": NOTHING})]))

    assert chart.words.endswith("No other row beats a, b.")
    assert line_points(chart) == 2


def test_agreement_stands_in_where_no_row_has_an_map(report, make_row):
    rows = (
        make_row("fp32", p50=20, baseline=True, images=9),
        make_row("int8", "int8", p50=10, agreement=0.93, images=9),
    )
    chart = pareto(entries_of([report.model_copy(update={"rows": rows, "verdict": NOTHING})]))

    assert "agreement with FP32, points: fp32: 100.0 at 20.0 ms; int8: 93.0" in chart.words


def test_without_a_figure_there_is_no_chart(report):
    bare = report.model_copy(update={"rows": report.rows[2:], "verdict": NOTHING})

    assert pareto(entries_of([bare])) is None


def test_the_interval_of_the_loss_hangs_on_the_row_that_loses(report):
    values = pareto(entries_of([report])).spec["data"]["values"]
    int8 = next(v for v in values if v["label"] == "int8")

    assert int8["y_high"] - int8["y"] == pytest.approx(0.49 + 0.42)
    assert int8["y"] - int8["y_low"] == pytest.approx(1.36 - 0.49)


def test_models_on_several_devices_are_told_apart_by_colour(report):
    other = report.model_copy(update={"device": "Another CPU"})
    spec = pareto(entries_of([report, other])).spec
    colors = spec["layer"][3]["encoding"]["color"]

    assert colors["field"] == "device"
    assert colors["scale"]["domain"] == ["Example CPU, 2 cores", "Another CPU"]


@given(st.lists(st.tuples(st.floats(0.1, 1e3), st.floats(0, 100)), min_size=1, max_size=6))
def test_all_marks_lie_inside_the_axes(figures):
    values = [{"p50_high": p, "y": y, "y_low": y, "y_high": y} for p, y in figures]
    ends = limits(values)

    assert all(v["p50_high"] <= ends["x_max"] for v in values)
    assert all(ends["y_min"] < v["y"] < ends["y_max"] for v in values)
    assert ends["y_max"] - ends["y_min"] >= LEAST_SPAN


def test_of_rows_as_fast_as_each_other_the_line_takes_the_best_alone(report, make_row):
    figures = {"worse": (10, 0.30), "better": (10, 0.33), "b": (20, 0.35)}
    rows = tuple(make_row(n, p50=p, map=m, images=9) for n, (p, m) in figures.items())
    chart = pareto(entries_of([report.model_copy(update={"rows": rows, "verdict": NOTHING})]))
    points = {v["row"]: v["y"] for v in chart.spec["data"]["values"]}

    assert chart.words.endswith("No other row beats better, b.")
    assert line_points(chart) == 2
    assert line_start(chart) == pytest.approx(place_of(chart, points["better"]), abs=0.01)


def line_start(chart):
    """Return how far down the line begins, in pixels."""
    svg = draw(chart).svg
    return float(re.search(r'mark-line.*?d="M[\d.]+,([\d.]+)', svg)[1])


def place_of(chart, y):
    ends = limits(chart.spec["data"]["values"])
    return PLOT_HW[0] * (ends["y_max"] - y) / (ends["y_max"] - ends["y_min"])


@pytest.mark.parametrize("other", ["device", "images"])
def test_rows_that_cannot_be_compared_do_not_beat_each_other(report, make_row, other):
    fast = (make_row("fast", p50=1, map=0.5, images=9),)
    slow = (make_row("slow", p50=20, map=0.3, images=9),)
    (use, *_) = (use for use in report.data if use.role == "evaluation")
    changed = {
        "device": {"device": "Pi"},
        "images": {"data": (use.model_copy(update={"sha256": "9" * 64}),)},
    }[other]
    runs = [
        report.model_copy(update={"rows": rows, "verdict": NOTHING, **more})
        for rows, more in ((fast, {}), (slow, changed))
    ]
    chart = pareto(entries_of(runs))

    assert "slow" in chart.words.partition("No other row beats")[2]
    assert "not joined" in chart.caption
    assert len({v["rivals"] for v in chart.spec["data"]["values"]}) == 2
    assert "L" not in draw(chart).svg.partition("mark-line")[2].partition("</g>")[0]


def test_a_long_name_is_short_in_the_chart(report, make_row):
    row = make_row("x" * 200, p50=1, map=0.5, images=9)
    chart = pareto(entries_of([report.model_copy(update={"rows": (row,), "verdict": NOTHING})]))

    assert "x" * 31 + "…" in texts(chart)
