from __future__ import annotations

import xml.etree.ElementTree as ET

from edgekit.report.charts.chart import draw, svg_file
from edgekit.report.charts.trials import trials
from tests.report.searches import made, make_search


def texts(chart):
    return [
        "".join(t.itertext()).strip()
        for t in ET.fromstring(svg_file(draw(chart))).iter("{http://www.w3.org/2000/svg}text")
    ]


def test_the_chart_names_the_ends_and_the_choice():
    shown = texts(trials(make_search()))

    assert {"fp32", "int8-640", "mixed"} <= set(shown)
    assert "agreement with FP32, points" in shown
    assert "slow" not in shown


def test_several_sizes_are_told_apart_by_map():
    small = made("int8-320", "int8", 0, 0.99, 3.0, drop=4.0, input_hw=(320, 320))
    chart = trials(make_search(trials=(*make_search().trials, small)))

    assert "change of mAP against FP32, points" in texts(chart)
    assert "int8-320: loses 4.0 points of mAP at 3.00×" in chart.words


def test_without_a_figure_there_is_nothing_to_draw():
    assert trials(make_search(trials=(made("fp32", "fp32", 9, None, 1.0),))) is None
