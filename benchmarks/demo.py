"""Runs ``edgekit demo`` and shows it: what it prints, and a picture of its report.

Usage: python benchmarks/demo.py [--render]

The README has the demo as it is, docs/explanation/what-openvino-reaches.md the same on both
runtimes (``--target cpu``), docs/explanation/report-page.md that page as people look at it. Needs
chromium for the pictures, and the extras ``dev`` and ``openvino``.
``--render`` only writes what the last runs printed into the pages.
"""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from PIL import Image
from playwright.sync_api import sync_playwright
from rich.console import Console

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from edgekit.report.console import to_console
from edgekit.report.schema import Report
from tests.browser.pages import browser_path

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from playwright.sync_api import Page

ROOT = Path(__file__).resolve().parent.parent
RESULTS, PICTURES = ROOT / "benchmarks" / "results", ROOT / "docs" / "images"
START, END = "<!-- demo: benchmarks/demo.py -->\n", "<!-- end of demo -->\n"
WIDTH = 100


class Look(NamedTuple):
    """How a page is photographed.

    Attributes:
        ending: Of the picture's name.
        act: What is done before: point, slide, scroll.
    """

    ending: str
    size_px: tuple[int, int]
    scheme: str
    act: Callable[[Page], object]


def _point(page: Page) -> None:
    page.locator("#chart-pareto .mark-symbol.role-mark path").last.hover(force=True)


def _slide(page: Page) -> None:
    page.get_by_role("radio", name="with a slider").check()
    page.locator(".gallery").scroll_into_view_if_needed()
    page.locator(".gallery h2").evaluate("e => e.scrollIntoView()")


LOOKS = (
    Look("", (1000, 1690), "light", lambda _: None),
    Look("-dark", (1000, 1000), "dark", _point),
    Look("-slider", (1000, 820), "light", _slide),
    Look("-phone", (360, 1400), "light", lambda _: None),
)


class Shown(NamedTuple):
    """A demo and where it is shown.

    Attributes:
        page: Has the markers.
        name: Of the result and of the picture.
        flags: Of ``edgekit demo``.
        looks: How many of the ways to photograph it are shown.
    """

    page: Path
    name: str
    flags: tuple[str, ...] = ()
    looks: int = 1

    @property
    def result(self) -> Path:
        """The report of the last run."""
        return RESULTS / f"{self.name}.json"


DEMOS = (
    Shown(ROOT / "README.md", "demo"),
    Shown(
        ROOT / "docs" / "explanation" / "what-openvino-reaches.md",
        "demo_cpu",
        ("--target", "cpu"),
        len(LOOKS),
    ),
)


def main() -> None:
    """Run, photograph and write; with ``--render`` only write."""
    for demo in DEMOS:
        if "--render" not in sys.argv[1:]:
            run(demo)
        demo.page.write_text(updated(demo), encoding="utf-8")


def run(demo: Shown) -> None:
    """Run a demo, and write its report and a picture of it."""
    command = [sys.executable, "-m", "edgekit", "demo", "--out", "demo", *demo.flags]
    subprocess.run(command, cwd=ROOT, check=True)
    report = (ROOT / "demo" / "report.json").read_text(encoding="utf-8")
    demo.result.write_text(report.replace(f"{ROOT}/", ""), encoding="utf-8")
    name = f"{demo.name.replace('_', '-')}-report"
    photograph(ROOT / "demo" / "report.html", name, LOOKS[: demo.looks])


def updated(demo: Shown) -> str:
    """Return the page of a demo with the committed result between its markers."""
    before, rest = demo.page.read_text(encoding="utf-8").split(START)
    _, after = rest.split(END)
    return f"{before}{START}```\n{printed(demo.result)}```\n{END}{after}"


def printed(result: Path) -> str:
    """Return what the demo of a committed ``result`` printed, in a terminal of 100 columns."""
    report = Report.model_validate_json(result.read_text(encoding="utf-8"))
    text = io.StringIO()
    Console(file=text, width=WIDTH).print(to_console(report))
    lines = [line.rstrip() for line in text.getvalue().splitlines()]
    return "\n".join(
        [*lines, "", "Written to demo: artifact/, report.html, .md, .json and .csv, plots/.\n"]
    )


def photograph(page: Path, name: str, looks: Sequence[Look]) -> None:
    """Write pictures of ``page``, of few colours: small enough for a README."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path(playwright))
        for look in looks:
            view = {"width": look.size_px[0], "height": look.size_px[1]}
            shown = browser.new_page(viewport=view, color_scheme=look.scheme)
            shown.goto(page.as_uri())
            shown.wait_for_function("window.edgekitReady")
            look.act(shown)
            shown.wait_for_timeout(300)
            with Image.open(io.BytesIO(shown.screenshot())) as picture:
                few = picture.convert("RGB").quantize(method=Image.Quantize.FASTOCTREE)
                few.save(PICTURES / f"{name}{look.ending}.png", optimize=True)
        browser.close()


if __name__ == "__main__":
    main()
