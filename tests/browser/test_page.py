"""The report page in a real browser. What its HTML says is tested in tests/report/test_page.py."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe

from edgekit.report.verdict import decide
from tests.browser.made import made_report
from tests.browser.pages import DESK, PHONE, Look

A4 = 718  # pixels of CSS between the usual margins
SCHEMES = ("light", "dark")
AA = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]  # WCAG 2.2 AA
RULES = {"type": "tag", "values": AA}
CONTRAST = {"type": "rule", "values": ["color-contrast"]}


def test_the_page_opens_from_a_file_without_an_error_or_a_request(open_plain, plain_report):
    opened = open_plain()

    assert opened.page.url.startswith("file://")
    assert opened.page.locator("h1").inner_text() == plain_report.verdict.because
    opened.is_quiet()


def test_errors_and_requests_of_a_page_are_noticed(open_plain):
    opened = open_plain()

    page = opened.page
    with page.expect_event("pageerror"), page.expect_event("requestfailed"):
        page.evaluate(
            """() => {
                 console.error("a mistake");
                 setTimeout(() => { throw new Error("thrown"); });
                 document.body.append(Object.assign(new Image(), {src: "missing.png"}));
               }"""
        )

    assert "error: a mistake" in opened.errors
    assert any("thrown" in e for e in opened.errors)
    assert opened.requests[1].endswith("missing.png")


def test_light_and_dark_change_paper_and_ink(open_plain):
    looks = [open_plain(Look(scheme=s)) for s in SCHEMES]

    paper, ink = ([o.style("body", p) for o in looks] for p in ("background-color", "color"))

    assert [_brightness(c) > 200 for c in paper] == [True, False]
    assert [_brightness(c) < 60 for c in ink] == [True, False]
    assert _brightness(paper[1]) < 60
    assert _brightness(ink[1]) > 200


@pytest.mark.parametrize("width", [PHONE, DESK])
def test_nothing_reaches_beyond_the_screen(open_plain, width):
    opened = open_plain(Look(width=width))

    page_width = opened.page.evaluate("document.documentElement.scrollWidth")

    assert opened.overflowing() == []
    assert page_width <= width


def test_the_page_can_be_printed(open_plain):
    opened = open_plain(Look(media="print"))

    pdf = opened.page.pdf(format="A4")

    assert pdf.startswith(b"%PDF-")
    assert opened.page.locator("h1").is_visible()
    opened.is_quiet()


def test_no_table_is_cut_off_on_paper(open_plain):
    opened = open_plain(Look(media="print", width=A4))
    opened.page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")

    assert opened.page.evaluate("document.documentElement.scrollWidth") <= A4


def test_without_scripts_the_page_can_be_read_and_offers_nothing_that_needs_them(
    open_plain, plain_report
):
    page = open_plain(Look(scripts=False)).page
    names = page.locator("table").first.locator("tbody th").all_inner_texts()
    offered = [page.get_by_role(role).count() for role in ("button", "checkbox", "slider")]

    assert page.locator("h1").inner_text() == plain_report.verdict.because
    assert page.locator("#chart-pareto svg").is_visible()
    assert all(any(row.name in name for name in names) for row in plain_report.rows)
    assert offered == [0, 0, 0]


@pytest.mark.parametrize("width", [PHONE, DESK])
def test_long_names_are_broken_not_cut_off(open_page, long_names, width):
    opened = open_page(long_names, look=Look(width=width))
    names = opened.page.locator("#rows-table tbody .name")

    assert opened.overflowing() == []
    assert names.first.evaluate("e => e.getBoundingClientRect().width") <= 22 * 16
    assert len(names.first.inner_text()) == 200
    opened.is_quiet()


@pytest.fixture(scope="module")
def long_names():
    """A run whose device and rows have names of one long word."""
    report = made_report(rows=3)
    rows = [r.model_copy(update={"name": f"{n}" + 199 * "x"}) for n, r in enumerate(report.rows)]
    known = {"device": "d" * 200, "rows": tuple(rows), "verdict": decide(rows)}
    return report.model_copy(update=known)


def test_names_with_markup_stay_text(open_page):
    report = made_report(rows=2)
    hostile = "</script><img src=x onerror=alert(1)>{{ 7*7 }}"
    rows = tuple(row.model_copy(update={"name": f"{hostile} {row.name}"}) for row in report.rows)
    verdict = report.verdict.model_copy(update={"ship": rows[0].name})

    opened = open_page(report.model_copy(update={"rows": rows, "verdict": verdict}))

    names = opened.page.locator("#rows-table tbody th").all_inner_texts()
    assert [hostile in name for name in names] == [True, True]
    assert opened.page.locator("img").count() == 0
    opened.is_quiet()


@pytest.mark.parametrize(("scheme", "only"), [("light", RULES), ("dark", CONTRAST)])
def test_the_page_is_accessible_by_the_rules_of_axe_core(open_plain, scheme, only):
    opened = open_plain(Look(scheme=scheme))

    found = Axe().run(opened.page, options={"runOnly": only, "resultTypes": ["violations"]})

    broken = found.response["violations"]
    assert [f"{v['id']}: {v['help']}: {v['nodes'][0]['target']}" for v in broken] == []
    assert found.response["testEngine"]["name"] == "axe-core"


def _brightness(color):
    """Return the mean of the three channels of ``rgb(r, g, b)``, 0 to 255."""
    return sum(map(float, color.strip("rgba()").split(",")[:3])) / 3
