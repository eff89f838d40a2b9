"""What a reader does on the page: sort, filter, point at a mark, move the slider, choose a theme."""

from __future__ import annotations

import pytest

from tests.browser.made import made_report
from tests.browser.pages import PHONE, Look

ROWS = "#rows-table tbody tr:visible"
MARKS = "#chart-pareto g.points_marks path"


def names(opened):
    """Names of the rows that are to be seen, in their order."""
    texts = opened.page.locator(f"{ROWS} th").all_inner_texts()
    return [text.removesuffix(" ship").strip() for text in texts]


def heading(opened, name):
    return opened.page.locator("#rows-table thead").get_by_role("button", name=name)


def column(opened, name):
    """Cells of a column as they stand, top to bottom."""
    titles = opened.page.locator("#rows-table thead th").all_inner_texts()
    place = [t.strip() for t in titles].index(name)
    cells = opened.page.locator(ROWS).locator(f"th, td >> nth={place}").count()
    assert cells
    return [
        row.locator("th, td").nth(place).inner_text() for row in opened.page.locator(ROWS).all()
    ]


def test_a_heading_sorts_by_the_figures_of_its_column_and_back(open_plain, plain_report):
    by_time = sorted(plain_report.rows, key=lambda row: row.latency_ms.p50)
    opened = open_plain()

    heading(opened, "p50 ms").click()
    up = names(opened)
    heading(opened, "p50 ms").click()

    assert up == [row.name for row in by_time]
    assert names(opened) == up[::-1]
    opened.is_quiet()


def test_rows_without_a_figure_are_sorted_last_both_ways(open_plain):
    opened = open_plain()

    heading(opened, "Speedup").click()
    up = column(opened, "Speedup (95 %)")
    heading(opened, "Speedup").click()
    down = column(opened, "Speedup (95 %)")

    assert up[-2:] == down[-2:] == ["–", "–"]
    assert up[:-2] == down[:-2][::-1]


def test_a_table_is_sorted_by_keyboard_and_says_how(open_plain):
    opened = open_plain()
    button = heading(opened, "p90 ms")

    button.focus()
    opened.page.keyboard.press("Enter")

    sorted_by = opened.page.locator("#rows-table th[aria-sort]")
    assert sorted_by.count() == 1
    assert (sorted_by.inner_text().strip(), sorted_by.get_attribute("aria-sort")) == (
        "p90 ms",
        "ascending",
    )


def test_a_filter_leaves_the_rows_it_names_in_table_and_chart(open_plain, plain_report):
    opened = open_plain()
    left = [row.name for row in plain_report.rows if row.backend == "onnxruntime"]
    marks = opened.page.locator(MARKS)
    assert marks.count() == len(plain_report.rows)

    opened.page.get_by_role("checkbox", name="OpenVINO").uncheck()

    assert sorted(names(opened)) == sorted(left)
    assert (
        f"{len(left)} of {len(plain_report.rows)} rows"
        in opened.page.get_by_role("status").inner_text()
    )
    opened.page.wait_for_function(f"document.querySelectorAll('{MARKS}').length === {len(left)}")
    opened.page.get_by_role("button", name="show all").click()
    opened.page.wait_for_function(f"document.querySelectorAll('{MARKS}').length > {len(left)}")
    assert len(names(opened)) == len(plain_report.rows)
    opened.is_quiet()


def test_filters_of_two_kinds_hold_together(open_plain):
    opened = open_plain()

    opened.page.get_by_role("checkbox", name="ONNX Runtime").uncheck()
    opened.page.get_by_role("checkbox", name="fp32").uncheck()

    assert names(opened) == ["openvino fp16 640 #5"]


def test_all_filters_off_leave_an_empty_table_and_a_quiet_page(open_plain):
    opened = open_plain()

    for box in opened.page.locator(".filters input").all():
        box.uncheck()

    assert names(opened) == []
    opened.page.wait_for_function(f"!document.querySelector('{MARKS}')")
    opened.is_quiet()


def test_a_mark_under_the_pointer_tells_its_row(open_plain, plain_report):
    opened = open_plain()

    opened.page.locator(MARKS).first.hover()

    told = opened.page.locator("#vg-tooltip-element.visible")
    told.wait_for()
    assert any(row.name in told.inner_text() for row in plain_report.rows)
    assert "p50 ms" in told.inner_text()


def test_a_row_under_the_pointer_stands_out_in_the_chart(open_plain):
    opened = open_plain()
    sizes = (
        "[...document.querySelectorAll('#chart-pareto g.points_marks path')].map(p => p.outerHTML)"
    )
    before = opened.page.evaluate(sizes)

    opened.page.locator(ROWS).nth(1).hover()

    opened.page.wait_for_function(f"JSON.stringify({sizes}) !== JSON.stringify({before!r})")
    changed = [a != b for a, b in zip(before, opened.page.evaluate(sizes), strict=True)]
    assert sum(changed) == 1


def test_the_slider_moves_the_edge_between_two_pictures(open_plain):
    opened = open_plain()
    opened.page.get_by_role("radio", name="one over the other").check()
    pair = opened.page.locator(".pair").first
    slider = pair.get_by_role("slider")

    slider.focus()
    before = pair.screenshot()
    opened.page.keyboard.press("Home")
    start = pair.screenshot()
    opened.page.keyboard.press("End")
    end = pair.screenshot()

    assert slider.input_value() == "100"
    assert len({before, start, end}) == 3
    opened.is_quiet()


def test_pictures_lie_side_by_side_until_asked_otherwise(open_plain):
    opened = open_plain()
    sides = opened.page.locator(".pair").first.locator("svg")

    beside = [side.bounding_box()["x"] for side in sides.all()]
    opened.page.get_by_role("radio", name="one over the other").check()
    over = [side.bounding_box()["x"] for side in sides.all()]

    assert beside[0] < beside[1]
    assert over[0] == over[1]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_theme_can_be_other_than_the_system_s(open_plain, scheme):
    opened = open_plain(Look(scheme=scheme))
    paper = opened.style("body", "background-color")

    opened.page.get_by_role("button", name="light or dark").click()
    other = opened.style("body", "background-color")
    opened.page.get_by_role("button", name="light or dark").click()

    assert other != paper
    assert opened.style("body", "background-color") == paper


def test_the_charts_fit_when_the_window_becomes_narrow(open_plain):
    opened = open_plain()

    opened.page.set_viewport_size({"width": PHONE, "height": 700})

    opened.page.wait_for_function(
        "document.querySelector('#chart-pareto svg').getBoundingClientRect().right < innerWidth"
    )
    assert opened.overflowing() == []


def test_without_scripts_there_is_nothing_that_would_need_them(open_plain):
    opened = open_plain(Look(scripts=False))

    assert opened.page.locator("#chart-pareto svg").is_visible()
    assert opened.page.get_by_role("button").count() == 0
    assert opened.page.get_by_role("checkbox").count() == 0
    assert opened.page.get_by_role("slider").count() == 0


def test_names_with_markup_stay_text(open_page):
    report = made_report(rows=2)
    hostile = "</script><img src=x onerror=alert(1)>{{ 7*7 }}"
    rows = tuple(row.model_copy(update={"name": f"{hostile} {row.name}"}) for row in report.rows)
    verdict = report.verdict.model_copy(update={"ship": rows[0].name})

    opened = open_page(report.model_copy(update={"rows": rows, "verdict": verdict}))

    assert opened.page.locator("img").count() == 0
    assert all(hostile in name for name in names(opened))
    opened.is_quiet()
