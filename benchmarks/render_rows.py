"""Tables of results that have rows by model, one line per row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import render_digits

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ISA = {"paired": "x86 without VNNI", "full": "x86 with VNNI"}  # by the weights made for it


def by_model(
    result: dict[str, Any],
    columns: Sequence[str],
    cells_of: Callable[[str, dict[str, Any]], list[str]],
) -> list[str]:
    """Return a line for every row of every model; nothing before anything was measured.

    Args:
        result: Rows under ``models``.
        columns: Titles.
        cells_of: Makes the cells of a model's name and one of its rows.
    """
    if not result.get("models"):
        return [""]
    lines = ["", *render_digits.head(columns)]
    for name, part in result["models"].items():
        lines += [render_digits.line(cells_of(name, row)) for row in part["rows"]]
    return [*lines, ""]
