"""The report as the terminal shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group
from rich.table import Table
from rich.text import Text

from edgekit.report.cells import TERMINAL_COLUMNS, share

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import RenderableType

    from edgekit.report.schema import Report, Row


def to_console(report: Report) -> RenderableType:
    """Return what rich prints: warnings, the rows, what runs in INT8, and the verdict last."""
    return Group(
        Text(f"{report.target} on {report.device}"),
        *(Text(f"Warning: {w}", style="yellow") for w in report.warnings),
        _table(report),
        *(Text(f"{r.name}: {r.reason}") for r in report.rows if r.reason),
        *_coverage(report.rows),
        Text(report.verdict.because, style="bold"),
    )


def _table(report: Report) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in TERMINAL_COLUMNS:
        table.add_column(column.title, justify="right" if column.numeric else "left")
    for row in report.rows:
        style = "green" if row.name == report.verdict.ship else None
        table.add_row(*(Text(column.text(row)) for column in TERMINAL_COLUMNS), style=style)
    return table


def _coverage(rows: Iterable[Row]) -> Iterable[Text]:
    for row in rows:
        if row.coverage is not None:
            c = row.coverage
            yield Text(
                f"{row.name}: {share(c.mac_share_int8)} of the multiply-accumulates in INT8 "
                f"({c.convs_int8} layers, {c.convs_float} left in float)"
            )
