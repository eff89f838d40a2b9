"""Rows of facts on stdout, as a table or as JSON."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

WIDTH = 120


def show(rows: Sequence[Mapping[str, object]], *, as_json: bool) -> str:
    """Return ``rows``, which share their keys, as an aligned table or a JSON list."""
    if as_json:
        return json.dumps(list(rows), indent=2) + "\n"
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for key in rows[0] if rows else ():
        table.add_column(key)
    for row in rows:
        table.add_row(*("-" if v is None else str(v) for v in row.values()))
    text = io.StringIO()
    Console(file=text, width=WIDTH, markup=False).print(table)
    return text.getvalue()
