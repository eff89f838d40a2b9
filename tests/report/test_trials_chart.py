from __future__ import annotations

import xml.etree.ElementTree as ET

from edgekit.report.chart import VARIABLES
from edgekit.report.trials_chart import trials_description, trials_svg
from tests.report.searches import made, make_search


def test_the_plot_names_the_ends_and_the_choice():
    svg = ET.fromstring(trials_svg(make_search()))
    texts = {"".join(t.itertext()).strip() for t in svg.iter("text")}

    assert {"fp32", "int8-640", "mixed", "agreement with FP32"} <= texts
    assert "slow" not in texts
    assert svg.get("aria-label") == trials_description(make_search())


def test_the_plot_takes_its_colours_from_the_page_and_comes_out_alike():
    svg = trials_svg(make_search())

    assert all(f"var({name})" in svg for name in VARIABLES.values())
    assert svg == trials_svg(make_search())


def test_several_sizes_are_told_apart_by_map():
    small = made("int8-320", "int8", 0, 0.99, 3.0, drop=4.0, input_hw=(320, 320))
    search = make_search(trials=(*make_search().trials, small))

    assert "change of mAP against FP32, points" in trials_svg(search)
    assert "int8-320: loses 4.0 points of mAP at 3.00×" in trials_description(search)


def test_without_a_figure_there_is_nothing_to_draw():
    assert trials_svg(make_search(trials=(made("fp32", "fp32", 9, None, 1.0),))) is None
