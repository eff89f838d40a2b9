from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit.report.charts.chart import draw, svg_file
from edgekit.report.charts.pareto import LEAST_SPAN, limits, pareto
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
