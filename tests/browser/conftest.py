"""A report page in a real browser: Chromium without a window, driven by Playwright.

A test of the page takes the fixture ``open_page``::

    def test_the_table_sorts(open_page):
        opened = open_page(made_report(rows=12))

        opened.page.get_by_role("columnheader", name="p90").click()

        assert opened.page.locator("tbody tr th").first.inner_text() == "..."
        opened.is_quiet()

``open_page(report, gallery, look)`` writes the page as edgekit does, opens it from ``file://`` and
returns ``Opened`` once the charts are drawn: Playwright's page, and what went wrong on it. ``Look``
says how it is looked at: width, colour scheme, as printed, without scripts, with forced colours or
reduced motion. ``open_plain(look)`` opens a page of six rows that is drawn once for all tests.
``EDGEKIT_SCREENSHOTS=FOLDER pytest tests/browser`` keeps a picture of each page at the end of its
test, under the name of the test.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from edgekit.report.page import to_html, to_merged_html
from tests.browser.made import made_gallery, made_report
from tests.browser.pages import Look, Opened, browser_path

REQUIRED = os.environ.get("EDGEKIT_REQUIRE_BROWSER") == "1"
SCREENSHOTS = os.environ.get("EDGEKIT_SCREENSHOTS")
TIMEOUT_MS = 10_000


@pytest.fixture(scope="session")
def browser():
    """Chromium, one of each worker process; tests are skipped where there is none."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = browser_path(playwright)
        if path is None:
            _leave_out("no Chromium or Chrome here: 'make browser' installs it on Debian")
        started = playwright.chromium.launch(executable_path=path)
        yield started
        started.close()


def _leave_out(reason):
    if REQUIRED:
        pytest.fail(f"{reason}, and EDGEKIT_REQUIRE_BROWSER=1 asks for it")
    pytest.skip(reason)


@pytest.fixture(scope="session")
def plain_report():
    """Six rows with every field filled."""
    return made_report()


@pytest.fixture(scope="session")
def plain_gallery():
    """Two pictures, in each of which one detection of two is lost."""
    return made_gallery()


@pytest.fixture(scope="session")
def written(tmp_path_factory):
    """Return ``write(report, gallery)``: the path of the page, drawn once for each of them.

    Instead of a report it takes a tuple of them, which become one page.
    """
    folder = tmp_path_factory.mktemp("pages")
    kept = {}

    def write(report, gallery=None):
        key = (id(report), id(gallery))
        if key not in kept:
            path = folder / f"report-{len(kept)}.html"
            several = isinstance(report, tuple)
            page = to_merged_html(report) if several else to_html(report, gallery)
            path.write_text(page, encoding="utf-8")
            kept[key] = (path, report, gallery)  # kept alive, for an id is not used again
        return kept[key][0]

    return write


@pytest.fixture
def open_page(browser, written, request):
    """Return ``open(report, gallery, look)``, which gives an ``Opened``."""
    contexts = []

    def opened(report, gallery=None, look=None):
        return opened_file(written(report, gallery), look or Look())

    def opened_file(path, look):
        context = browser.new_context(
            viewport={"width": look.width, "height": look.height},
            color_scheme=look.scheme,
            java_script_enabled=look.scripts,
            forced_colors=look.forced_colors,
            reduced_motion=look.reduced_motion,
        )
        contexts.append(context)
        context.set_default_timeout(TIMEOUT_MS)
        seen = Opened(context.new_page())
        seen.page.on("console", lambda m: _keep(m, seen.errors))
        seen.page.on("pageerror", lambda e: seen.errors.append(f"raised: {e}"))
        context.on("request", lambda r: seen.requests.append(r.url))
        seen.page.emulate_media(media=look.media)
        seen.page.goto(path.as_uri())
        if look.scripts:
            seen.page.wait_for_function("window.edgekitReady || !document.scripts.length")
        return seen

    yield opened
    for number, context in enumerate(contexts):
        if SCREENSHOTS:
            name = f"{request.node.name}-{number}.png"
            context.pages[0].screenshot(path=Path(SCREENSHOTS) / name, full_page=True)
        context.close()


@pytest.fixture
def open_plain(open_page, plain_report, plain_gallery):
    """Return ``open(look)``: ``plain_report`` and two pictures, drawn once for all tests."""
    return lambda look=None: open_page(plain_report, plain_gallery, look)


def _keep(message, errors):
    if message.type in ("error", "warning"):
        errors.append(f"{message.type}: {message.text}")
