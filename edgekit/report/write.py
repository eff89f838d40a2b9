"""The files a report is written as."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgekit.report.csv_file import to_csv
from edgekit.report.json_file import to_json
from edgekit.report.markdown import to_markdown
from edgekit.report.page import to_html

if TYPE_CHECKING:
    from pathlib import Path

    from edgekit.report.pictures import Gallery
    from edgekit.report.schema import Report


def write_report(report: Report, gallery: Gallery | None, folder: Path) -> tuple[Path, ...]:
    """Return the paths of report.html, .md, .json and .csv, written into ``folder``."""
    texts = {
        "report.html": to_html(report, gallery),
        "report.md": to_markdown(report),
        "report.json": to_json(report),
        "report.csv": to_csv([report]),
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")
    return tuple(folder / name for name in texts)
