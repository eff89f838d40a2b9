from __future__ import annotations

import xml.etree.ElementTree as ET

from edgekit.report.chart import VARIABLES, chart_svg, charted, description
from edgekit.report.schema import Verdict


def test_the_plot_is_one_svg_that_names_its_rows(report):
    svg = ET.fromstring(chart_svg(report))
    texts = {"".join(t.itertext()).strip() for t in svg.iter("text")}

    assert {"fp32", "int8"} <= texts
    assert not {"trt", "openvino"} & texts
    assert svg.get("role") == "img"
    assert svg.get("aria-label") == description(report)


def test_the_plot_takes_its_colours_from_the_page(report):
    svg = chart_svg(report)

    assert all(f"var({name})" in svg for name in VARIABLES.values())
    assert not any(color in svg for color in VARIABLES)


def test_the_same_report_gives_the_same_plot(report):
    assert chart_svg(report) == chart_svg(report)


def test_rows_without_both_figures_are_not_drawn(report):
    rows = tuple(r for r in report.rows if r.name not in {"fp32", "int8"})
    verdict = Verdict(ship=None, because="Nothing.")

    assert charted(rows) == ()
    assert chart_svg(report.model_copy(update={"rows": rows, "verdict": verdict})) is None


def test_a_name_with_markup_stays_text(report):
    odd = report.rows[0].model_copy(update={"name": '<"&$'})
    svg = ET.fromstring(chart_svg(report.model_copy(update={"rows": (odd, *report.rows[1:])})))

    assert '<"&$' in svg.get("aria-label")
