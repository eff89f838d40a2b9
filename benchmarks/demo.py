"""Runs ``edgekit demo`` and shows it in the README: what it prints, and a picture of its report.

Usage: python benchmarks/demo.py [--render]

Needs chromium for the picture. ``--render`` only writes what the last run printed into the README.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
from pathlib import Path

from PIL import Image
from rich.console import Console

from edgekit.report.console import to_console
from edgekit.report.schema import Report

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
RESULT = ROOT / "benchmarks" / "results" / "demo.json"
PICTURE = ROOT / "docs" / "images" / "demo-report.png"
START, END = "<!-- demo: benchmarks/demo.py -->\n", "<!-- end of demo -->\n"
SIZE_PX = "1000,1690"
WIDTH = 100


def main() -> None:
    """Run, photograph and write; with ``--render`` only write."""
    if "--render" not in sys.argv[1:]:
        subprocess.run(
            [sys.executable, "-m", "edgekit", "demo", "--out", "demo"], cwd=ROOT, check=True
        )
        report = (ROOT / "demo" / "report.json").read_text(encoding="utf-8")
        RESULT.write_text(report.replace(f"{ROOT}/", ""), encoding="utf-8")
        photograph(ROOT / "demo" / "report.html", PICTURE)
    README.write_text(updated(README.read_text(encoding="utf-8")), encoding="utf-8")


def updated(page: str) -> str:
    """Return ``page`` with the committed result between its markers."""
    before, rest = page.split(START)
    _, after = rest.split(END)
    return f"{before}{START}```\n{printed()}```\n{END}{after}"


def printed() -> str:
    """Return what the demo of the committed result printed, in a terminal of 100 columns."""
    report = Report.model_validate_json(RESULT.read_text(encoding="utf-8"))
    text = io.StringIO()
    Console(file=text, width=WIDTH).print(to_console(report))
    lines = [line.rstrip() for line in text.getvalue().splitlines()]
    return "\n".join(
        [*lines, "", "Written to demo: artifact/, report.html, report.md, report.json.\n"]
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
