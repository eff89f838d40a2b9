"""The files a report is written as."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgekit.report.charts.chart import png_file, svg_file
from edgekit.report.charts.drawn import draw_charts
from edgekit.report.csv_file import to_csv
from edgekit.report.json_file import to_json
from edgekit.report.markdown import to_markdown
from edgekit.report.merged import to_merged_json
from edgekit.report.merged_markdown import to_merged_markdown
from edgekit.report.page import to_html, to_merged_html

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from edgekit.report.charts.chart import Drawn
    from edgekit.report.pictures import Gallery
    from edgekit.report.schema import Report


def write_report(report: Report, gallery: Gallery | None, folder: Path) -> tuple[Path, ...]:
    """Return the paths of report.html, .md, .json and .csv, written into ``folder``.

    Beside them is ``plots``, with every chart as SVG and PNG.
    """
    charts = draw_charts([report])
    write_plots(charts, folder / "plots")
    texts = {
        "report.html": to_html(report, gallery, charts),
        "report.md": to_markdown(report),
        "report.json": to_json(report),
        "report.csv": to_csv([report]),
    }
    return _written(texts, folder)


def write_merged(reports: Sequence[Report], folder: Path) -> tuple[Path, ...]:
    """Return the paths of the same files for several runs together, written into ``folder``."""
    charts = draw_charts(reports)
    write_plots(charts, folder / "plots")
    texts = {
        "report.html": to_merged_html(reports, charts),
        "report.md": to_merged_markdown(reports),
        "report.json": to_merged_json(reports),
        "report.csv": to_csv(reports),
    }
    return _written(texts, folder)


def _written(texts: Mapping[str, str], folder: Path) -> tuple[Path, ...]:
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")
    return tuple(folder / name for name in texts)


def write_plots(charts: Mapping[str, Drawn], folder: Path) -> None:
    """Write every chart as SVG and PNG into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, drawn in charts.items():
        (folder / f"{name}.svg").write_text(svg_file(drawn), encoding="utf-8", newline="\n")
        (folder / f"{name}.png").write_bytes(png_file(drawn))
