"""What a reader does with the page: sort, filter, point, slide, choose light or dark."""

from __future__ import annotations

import pytest

from tests.browser.pages import PHONE, Look

POINTS = "#chart-pareto .mark-symbol.role-mark path"
NAMES = "#rows-table tbody tr:not([hidden]) th"


@pytest.fixture
def opened(open_plain):
    page = open_plain()
    yield page
    page.is_quiet()


@pytest.fixture(scope="module")
def two_runs(plain_report):
    model = plain_report.model.model_copy(update={"path": "other.onnx", "sha256": "9" * 64})
    other = plain_report.model_copy(update={"model": model, "device": "Example board"})
    return (plain_report, other)


def column(opened, index):
    cells = opened.page.locator(f"#rows-table tbody tr:not([hidden]) td:nth-of-type({index})")
    return [text.replace("\N{MINUS SIGN}", "-") for text in cells.all_inner_texts()]


def figures(texts):
    return [float(text.split()[0].rstrip("×")) for text in texts if text != "–"]


def names(opened):
    return [name.removesuffix(" ship") for name in opened.page.locator(NAMES).all_inner_texts()]


def test_a_heading_sorts_up_then_down_and_says_so(opened):
    head = opened.page.locator("#rows-table th", has_text="p50 ms")
    index = head.evaluate("cell => cell.cellIndex")

    head.get_by_role("button").click()
    up, said_up = figures(column(opened, index)), head.get_attribute("aria-sort")
    head.get_by_role("button").click()
    down, said_down = figures(column(opened, index)), head.get_attribute("aria-sort")

    assert up == sorted(up)
    assert down == up[::-1] != up
    assert (said_up, said_down) == ("ascending", "descending")


def test_losses_below_nothing_sort_below_and_what_is_unknown_last(opened):
    head = opened.page.locator("#rows-table th", has_text="Loss (95 %)")
    index = head.evaluate("cell => cell.cellIndex")
    texts = column(opened, index)
    assert "–" in texts

    head.get_by_role("button").click()

    shown = column(opened, index)
    assert figures(shown) == sorted(figures(texts))
    assert shown[-1] == "–"


def test_a_heading_is_reached_and_pressed_by_the_keyboard(opened):
    head = opened.page.locator("#rows-table th", has_text="mAP").first
    head.get_by_role("button").focus()

    opened.page.keyboard.press("Enter")

    assert head.get_attribute("aria-sort") == "ascending"


def test_a_filter_takes_rows_out_of_the_tables_and_the_chart(opened, plain_report):
    int8 = [r.name for r in plain_report.rows if r.precision == "int8"]
    assert 0 < len(int8) < len(plain_report.rows)
    marks = opened.page.locator(POINTS).count()

    for value in {r.precision for r in plain_report.rows} - {"int8"}:
        opened.page.get_by_role("checkbox", name=value, exact=True).uncheck()
    opened.page.wait_for_function(f"document.querySelectorAll('{POINTS}').length < {marks}")

    assert sorted(names(opened)) == sorted(int8)
    assert opened.page.locator(POINTS).count() == len(int8)
    count = f"{len(int8)} of {len(plain_report.rows)} rows"
    assert opened.page.locator("output").inner_text() == count

    opened.page.get_by_role("button", name="show all").click()
    opened.page.wait_for_function(f"document.querySelectorAll('{POINTS}').length == {marks}")

    assert len(names(opened)) == len(plain_report.rows)


def test_pointing_at_a_mark_tells_its_figures(opened):
    opened.page.locator(POINTS).first.hover(force=True)

    tip = opened.page.locator("#vg-tooltip-element.visible")
    tip.wait_for()
    said = tip.inner_text()

    assert all(word in said for word in ("precision", "p50 ms", "speedup (95 %)"))


def test_a_row_under_the_pointer_is_larger_in_the_chart(opened):
    plain = _shipped(opened).index(False)
    before = opened.page.locator(POINTS).nth(plain).get_attribute("d")

    opened.page.locator("#rows-table tbody tr").nth(plain).hover()
    selector = f"document.querySelectorAll('{POINTS}')[{plain}].getAttribute('d')"
    opened.page.wait_for_function(f"{selector} !== '{before}'")

    assert _width(opened.page.evaluate(selector)) > _width(before)


def test_the_slider_uncovers_one_row_over_the_other(opened):
    page = opened.page
    pair = page.locator(".pair").first
    slider = pair.get_by_role("slider")
    assert not slider.is_visible()

    page.get_by_role("radio", name="with a slider").check()
    # Both at once: charts above may be drawn in between, and move all that is below.
    before, after = pair.evaluate(
        "p => [...p.querySelectorAll('svg')].map(e => e.getBoundingClientRect().toJSON())"
    )
    clip = "e => getComputedStyle(e).clipPath"
    half = pair.locator("> div").first.evaluate(clip)
    slider.press("End")
    whole = pair.locator("> div").first.evaluate(clip)
    slider.press("Home")
    none = pair.locator("> div").first.evaluate(clip)

    assert before == after
    assert [c.replace("calc(", "").replace(")", "") for c in (half, whole, none)] == [
        "inset(0px 50% 0px 0px",
        "inset(0px 0% 0px 0px",
        "inset(0px 100% 0px 0px",
    ]


def test_light_and_dark_can_be_chosen_against_the_system(opened):
    paper = opened.style("body", "background-color")
    button = opened.page.get_by_role("button", name="light or dark")

    button.click()
    chosen = opened.style("body", "background-color")
    button.click()

    assert chosen != paper
    assert opened.style("body", "background-color") == paper


def test_charts_are_drawn_anew_for_the_width_of_a_phone(open_plain):
    opened = open_plain(Look(width=PHONE))
    for place in opened.page.locator(".chart").all():
        place.scroll_into_view_if_needed()
    opened.page.wait_for_function(
        "[...document.querySelectorAll('.chart')].every(e => 'live' in e.dataset)"
    )
    widths = opened.page.locator("figure:not(.scroll) svg.marks").evaluate_all(
        "all => all.map(svg => svg.getBoundingClientRect().width)"
    )

    assert len(widths) >= 4
    assert all(width <= PHONE for width in widths)
    opened.is_quiet()


def test_a_window_made_narrow_has_charts_that_fit(opened):
    page = opened.page
    page.evaluate("window.before = document.querySelector('#chart-pareto svg')")

    page.set_viewport_size({"width": PHONE, "height": 800})
    page.wait_for_function("!window.before.isConnected")
    page.wait_for_function("document.documentElement.scrollWidth <= innerWidth")

    assert opened.overflowing() == []


def test_a_chart_with_no_row_left_is_gone_until_one_is_back(opened):
    boxes = opened.page.locator("[data-facet=precision] input")
    for box in boxes.all():
        box.uncheck()

    assert not opened.page.locator("#chart-pareto").is_visible()
    boxes.first.check()
    assert opened.page.locator("#chart-pareto").is_visible()


def test_a_filter_takes_lines_out_of_the_curves(opened, plain_report):
    lines = "#chart-precision-recall[data-live] .mark-line path"
    opened.page.locator("#chart-precision-recall").scroll_into_view_if_needed()
    opened.page.wait_for_selector(lines)
    assert opened.page.locator(lines).count() == len(plain_report.rows)

    opened.page.get_by_role("checkbox", name="int8", exact=True).uncheck()

    left = sum(row.precision != "int8" for row in plain_report.rows)
    opened.page.wait_for_function(f"document.querySelectorAll('{lines}').length == {left}")
    assert 0 < left < len(plain_report.rows)


def test_several_runs_are_filtered_by_model_and_device(open_page, two_runs):
    opened = open_page(two_runs)
    rows = len(two_runs[0].rows)

    assert len(names(opened)) == 2 * rows
    opened.page.get_by_role("checkbox", name="Example board").uncheck()

    assert len(names(opened)) == rows
    assert set(column(opened, 2)) == {two_runs[0].device}
    opened.is_quiet()


def _shipped(opened):
    rows = opened.page.locator("#rows-table tbody tr")
    return rows.evaluate_all("all => all.map(row => row.classList.contains('shipped'))")


def _width(path):
    """Return the distance between the first two corners of a mark."""
    return float(path.lstrip("M").split(",")[0].lstrip("-"))
