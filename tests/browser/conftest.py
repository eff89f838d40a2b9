"""A report page in a real browser: Chromium without a window, driven by Playwright.

A test of the page takes the fixture ``open_page``::

    def test_the_table_sorts(open_page):
        opened = open_page(made_report(rows=12))

        opened.page.get_by_role("columnheader", name="p90").click()

        assert opened.page.locator("tbody tr th").first.inner_text() == "..."
        opened.is_quiet()

``open_page(report, gallery, look)`` writes the page as edgekit does, opens it from ``file://`` and
returns ``Opened``: Playwright's page, and what went wrong on it. ``Look`` says how it is looked at:
width, colour scheme, as printed, without scripts, with forced colours or reduced motion.
``EDGEKIT_SCREENSHOTS=FOLDER pytest tests/browser`` keeps a picture of each page at the end of its
test, under the name of the test.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from edgekit.report.page import to_html
from tests.browser.made import made_report

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ON_MACOS = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
REQUIRED = os.environ.get("EDGEKIT_REQUIRE_BROWSER") == "1"
SCREENSHOTS = os.environ.get("EDGEKIT_SCREENSHOTS")
PHONE, DESK = 360, 1280
TIMEOUT_MS = 10_000


@dataclass(frozen=True)
class Look:
    """How a page is looked at; ``None`` leaves it to the browser."""

    width: int = DESK
    height: int = 800
    scheme: str = "light"
    media: str = "screen"
    scripts: bool = True
    forced_colors: str | None = None
    reduced_motion: str | None = None


@dataclass(frozen=True)
class Opened:
    """A page in the browser.

    Attributes:
        page: Playwright's page.
        errors: Errors and warnings of its console, and what its scripts raised.
        requests: Every address it asked for, its own file first.
    """

    page: object
    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def is_quiet(self):
        """Check that nothing went wrong and that nothing but the file itself was asked for."""
        assert self.errors == []
        assert self.requests == [self.page.url]

    def style(self, selector, name):
        """Return a property of CSS as the browser worked it out."""
        script = "(e, name) => getComputedStyle(e).getPropertyValue(name)"
        return self.page.locator(selector).first.evaluate(script, name)

    def overflowing(self):
        """Return what reaches beyond the right edge without a parent that scrolls."""
        return self.page.evaluate(
            """() => [...document.body.querySelectorAll("*")].filter(e =>
                 e.getBoundingClientRect().right > document.documentElement.clientWidth + 1
                 && e.getClientRects().length && !e.ownerSVGElement
                 && !e.closest(".scroll, pre, [data-scrolls]"))
               .map(e => `${e.tagName} ${e.className.baseVal ?? e.className}`)"""
        )


def browser_path(playwright) -> Path | None:
    """Return a Chromium or Chrome of this computer, or one that Playwright fetched."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    others = (ON_MACOS, Path(playwright.chromium.executable_path))
    return Path(found) if found else next((p for p in others if p.exists()), None)


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


@pytest.fixture
def open_page(browser, tmp_path, request):
    """Return ``open(report, gallery, look)``, which gives an ``Opened``."""
    contexts = []

    def opened(report, gallery=None, look=None):
        path = tmp_path / f"report-{len(contexts)}.html"
        path.write_text(to_html(report, gallery), encoding="utf-8")
        return opened_file(path, look or Look())

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
        return seen

    yield opened
    for number, context in enumerate(contexts):
        if SCREENSHOTS:
            name = f"{request.node.name}-{number}.png"
            context.pages[0].screenshot(path=Path(SCREENSHOTS) / name, full_page=True)
        context.close()


def _keep(message, errors):
    if message.type in ("error", "warning"):
        errors.append(f"{message.type}: {message.text}")
