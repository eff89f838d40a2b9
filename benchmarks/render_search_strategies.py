"""What results/search_strategies_*.json say, as a table."""

from __future__ import annotations

from typing import Any

import render_digits


def table(result: dict[str, Any]) -> list[str]:
    """Return what every strategy found in as many evaluations, one line each."""
    if not result:
        return [""]
    agreements = next(iter(result["strategies"].values()))["speedup_at_agreement"]
    columns = [
        "strategy",
        "networks",
        "mixed on the front",
        "area under the front",
        *(f"fastest at {float(least):g}" for least in agreements),
    ]
    lines = [_line(name, part) for name, part in result["strategies"].items()]
    return ["", *render_digits.head(columns), *lines, ""]


def _line(name: str, part: dict[str, Any]) -> str:
    speedups = part["speedup_at_agreement"].values()
    cells = [
        name,
        str(part["evaluations"]),
        str(part["mixed_on_front"]),
        f"{100 * part['area']:.2f}",
        *("none" if speedup is None else f"{speedup:.2f}" for speedup in speedups),
    ]
    return render_digits.line(cells)
