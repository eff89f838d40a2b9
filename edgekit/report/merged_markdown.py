"""``report.md`` of several runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgekit.report.cells import COLUMNS
from edgekit.report.entries import LEAD_COLUMNS, entries_of
from edgekit.report.markdown import plain, table
from edgekit.report.merged import (
    RUN_HEADINGS,
    RUN_WORDS,
    doubts,
    headline,
    run_cells,
    title_of,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edgekit.report.schema import Report


def to_merged_markdown(reports: Sequence[Report]) -> str:
    """Return the runs as Markdown: what they come to, what ships in each, then every row."""
    entries = entries_of(reports)
    columns = (*LEAD_COLUMNS, *COLUMNS[1:])
    headings = (COLUMNS[0].title, *(c.title for c in columns))
    words = [0, *(n for n, c in enumerate(columns, start=1) if not getattr(c, "numeric", False))]
    rows = [
        (
            e.row.name,
            *(c.text(e) for c in LEAD_COLUMNS),
            *(c.text(e.row) for c in COLUMNS[1:]),
        )
        for e in entries
    ]
    parts = [
        f"# {title_of(reports)}",
        f"**{plain(headline(reports))}**",
        *(f"> {plain(doubt)}" for doubt in doubts(reports)),
        table(RUN_HEADINGS, run_cells(reports), RUN_WORDS),
        "## All rows",
        table(headings, rows, words),
        "## Verdicts",
        "\n".join(
            f"- {plain(f'{r.model.path}, {r.target} on {r.device}')}: {plain(r.verdict.because)}"
            for r in reports
        ),
    ]
    return "\n\n".join(parts) + "\n"
