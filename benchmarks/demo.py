"""Runs ``edgekit demo`` and shows it: what it prints, and a picture of its report.

Usage: python benchmarks/demo.py [--render]

The README has the demo as it is, docs/explanation/what-openvino-reaches.md the same on both
runtimes (``--target cpu``). Needs chromium for the pictures, and the extra ``openvino``.
``--render`` only writes what the last runs printed into the pages.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from PIL import Image
from rich.console import Console

from edgekit.report.console import to_console
from edgekit.report.schema import Report

ROOT = Path(__file__).resolve().parent.parent
RESULTS, PICTURES = ROOT / "benchmarks" / "results", ROOT / "docs" / "images"
START, END = "<!-- demo: benchmarks/demo.py -->\n", "<!-- end of demo -->\n"
SIZE_PX = "1000,1690"
WIDTH = 100


class Shown(NamedTuple):
    """A demo and where it is shown.

    Attributes:
        page: Has the markers.
        name: Of the result and of the picture.
        flags: Of ``edgekit demo``.
    """

    page: Path
    name: str
    flags: tuple[str, ...] = ()

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
    picture = PICTURES / f"{demo.name.replace('_', '-')}-report.png"
    photograph(ROOT / "demo" / "report.html", picture)


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


def photograph(page: Path, picture: Path) -> None:
    """Write the top of ``page`` as a PNG of few colours, small enough for a README."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        sys.exit("The picture needs chromium. Install it and run this again.")
    picture.parent.mkdir(parents=True, exist_ok=True)
    options = ["--headless", "--no-sandbox", "--hide-scrollbars", f"--window-size={SIZE_PX}"]
    command = [browser, *options, f"--screenshot={picture}", page.as_uri()]
    subprocess.run(command, check=True, capture_output=True)
    Image.open(picture).convert("RGB").quantize(method=Image.Quantize.FASTOCTREE).save(
        picture, optimize=True
    )


if __name__ == "__main__":
    main()
