from __future__ import annotations

import xml.etree.ElementTree as ET

from edgekit.report.damage_chart import SHOWN, damage_chart
from edgekit.values import Interval


def texts(svg):
    root = ET.fromstring(svg)
    return ["".join(t.itertext()).strip() for t in root.iter("{http://www.w3.org/2000/svg}text")]


def bars(count):
    return [
        (f"layer {i:02}", Interval(0.5 / (i + 1), 0.4 / (i + 1), 0.6 / (i + 1)))
        for i in range(count)
    ]


def test_every_layer_is_named_from_the_top():
    shown = [t for t in texts(damage_chart(bars(3), "What it costs")) if t.startswith("layer")]

    assert shown == ["layer 00", "layer 01", "layer 02"]
    assert "What it costs" in texts(damage_chart(bars(3), "What it costs"))


def test_only_the_most_damaging_are_drawn_of_many():
    shown = [t for t in texts(damage_chart(bars(80), "many")) if t.startswith("layer")]

    assert len(shown) == SHOWN


def test_markup_in_names_stays_text_and_the_same_layers_give_the_same_plot():
    odd = [('<b>&"$x$', Interval(0.1, 0.05, 0.2))]

    assert '<b>&"$x$' in texts(damage_chart(odd, "odd"))
    assert damage_chart(odd, "odd") == damage_chart(odd, "odd")
