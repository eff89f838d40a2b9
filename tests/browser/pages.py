"""A page as a test looks at it, and the browser that shows it."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ON_MACOS = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
PHONE, DESK = 360, 1280


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
