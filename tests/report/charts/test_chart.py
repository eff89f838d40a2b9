from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET

import cv2
import numpy as np
import pytest

from edgekit.report.charts.chart import (
    Chart,
    draw,
    png_file,
    svg_file,
    svg_for_page,
    vega_json,
    vega_script,
)
from edgekit.report.charts.theme import ACCENT, PRINT_COLORS, figure, name, number


@pytest.fixture(scope="module")
def drawn():
    spec = figure(
        [{"who": '<b>&"$x$', "much": 3.0}],
        data="rows",
        mark={"type": "bar", "color": ACCENT},
        encoding={"x": number("much"), "y": name("who")},
    )
    return draw(Chart("bars", "Bars", "One bar & <its> name.", "How long.", spec))


def test_the_picture_on_the_page_takes_its_colours_from_there(drawn):
    svg = svg_for_page(drawn)

    assert "var(--accent)" in svg
    assert PRINT_COLORS["accent"] not in svg
    assert ET.fromstring(svg).get("aria-hidden") == "true"


def test_what_the_picture_defines_has_a_name_of_its_own(drawn):
    defined = re.findall(r'id="([^"]*)"', drawn.svg)

    assert all(identifier.startswith("bars-") for identifier in defined)


def test_the_file_stands_alone(drawn):
    svg = svg_file(drawn)
    root = ET.fromstring(svg)

    assert "var(" not in svg
    assert PRINT_COLORS["accent"] in svg
    assert root.find("{http://www.w3.org/2000/svg}title").text == "One bar & <its> name."
    assert '<b>&"$x$' in "".join(root.itertext())


@pytest.mark.parametrize(
    "named",
    ['fill="var(--foo)"', "var(--ink)", 'id="x" url(#y)', "{signal: 'x'} datum['x']", "\\u0041"],
)
def test_names_are_drawn_as_they_are(named):
    drawn = draw(bar_of(named))
    root = ET.fromstring(svg_file(drawn))

    assert root.find("{http://www.w3.org/2000/svg}title").text == named
    assert "".join(root.itertext()).count(named) == 2


@pytest.mark.parametrize("character", ["\0", "\x07", "\x1b", "\ufffe"])
def test_a_name_no_svg_can_hold_is_drawn_without_it(character):
    drawn = draw(bar_of(f"cat{character}fish"))

    assert "".join(ET.fromstring(svg_file(drawn)).itertext()).count("cat\ufffdfish") == 2
    assert png_file(drawn).startswith(b"\x89PNG")


def bar_of(named):
    """A chart with one bar of that name, which its words say, too."""
    y = name("who", axis={"labelLimit": 1000})
    encoding = {"x": number("much"), "y": y}
    spec = figure([{"who": named, "much": 3.0}], data="rows", mark="bar", encoding=encoding)
    return Chart("bars", "Bars", named, "How long.", spec)


def test_the_png_shows_the_bar_on_white(drawn):
    pixels = cv2.imdecode(np.frombuffer(png_file(drawn), np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    accent = [int(PRINT_COLORS["accent"][i : i + 2], 16) for i in (1, 3, 5)]

    assert pixels[2, 2].tolist() == [255, 255, 255]
    assert (pixels == accent).all(axis=2).mean() > 0.05


def test_the_same_chart_comes_out_alike(drawn):
    again = draw(drawn.chart)

    assert svg_file(again) == svg_file(drawn)
    assert vega_json(again) == vega_json(drawn)


def test_the_page_gets_what_vega_needs(drawn):
    vega = json.loads(vega_json(drawn))

    assert vega["data"][0]["name"] == "rows"
    assert vega["data"][0]["values"][0]["much"] == 3.0


def test_the_script_can_stand_in_a_page():
    script = vega_script()

    assert "</script" not in script.lower()
    assert "window.vegaEmbed" in script
