from __future__ import annotations

import re
from pathlib import Path

import pytest

from edgekit.report.charts import theme

CSS = (Path(theme.__file__).parents[1] / "html" / "page.css").read_text(encoding="utf-8")


def variables(block):
    return dict(re.findall(r"--([a-z0-9-]+): (#[0-9a-f]{6})", block))


def test_every_colour_of_a_chart_is_one_of_the_page_in_light_and_in_dark():
    light, dark, chosen_dark = re.findall(r"\{[^{}]*--dark:[^{}]*\}", CSS)
    needed = set(theme.PRINT_COLORS)

    assert needed == set(variables(light)) == set(variables(dark))
    assert variables(dark) == variables(chosen_dark)


def luminance(color):
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("block", [0, 1])
@pytest.mark.parametrize(
    "color", ["ink", "muted", "accent", "alarm", *(f"hue-{n}" for n in range(1, 7))]
)
def test_text_and_marks_stand_out_from_the_paper(block, color):
    colors = variables(re.findall(r"\{[^{}]*--dark:[^{}]*\}", CSS)[block])
    first, second = sorted((luminance(colors[color]), luminance(colors["paper"])))

    assert (second + 0.05) / (first + 0.05) >= 4.5  # WCAG 2, AA


def test_a_figure_names_its_data():
    spec = theme.figure([{"a": 1}], data="rows", mark="bar")

    assert spec["data"] == {"name": "rows", "values": [{"a": 1}]}
    assert theme.told(("a", "what")) == [{"field": "a", "type": "nominal", "title": "what"}]
