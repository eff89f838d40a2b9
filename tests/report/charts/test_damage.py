from __future__ import annotations

import xml.etree.ElementTree as ET

from edgekit.report.charts.chart import draw, svg_file
from edgekit.report.charts.damage import MOST, damage
from edgekit.values import Interval


def texts(chart):
    root = ET.fromstring(svg_file(draw(chart)))
    return ["".join(t.itertext()).strip() for t in root.iter("{http://www.w3.org/2000/svg}text")]


def bars(count):
    return [
        (f"layer {i:02}", Interval(0.5 / (i + 1), 0.4 / (i + 1), 0.6 / (i + 1)))
        for i in range(count)
    ]


def test_every_layer_is_named_from_the_top():
    found = texts(damage(bars(3), "What it costs"))

    assert [t for t in found if t.startswith("layer")] == ["layer 00", "layer 01", "layer 02"]
    assert "What it costs" in found


def test_only_the_most_damaging_are_drawn_of_many():
    shown = [t for t in texts(damage(bars(80), "many")) if t.startswith("layer")]

    assert len(shown) == MOST


def test_markup_in_names_stays_text():
    assert '<b>&"$x$' in texts(damage([('<b>&"$x$', Interval(0.1, 0.05, 0.2))], "odd"))
