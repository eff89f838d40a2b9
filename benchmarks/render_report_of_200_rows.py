"""What results/report_of_200_rows.json says of the weight of a report, as a table."""

from __future__ import annotations

from typing import Any

import render_digits

COLUMNS = (
    "200 rows",
    "size",
    "written in",
    "verdict to read",
    "charts answer",
    "verdict to read, on a phone",
    "charts answer, on a phone",
)


def table(result: dict[str, Any]) -> list[str]:
    """Return one line for every page, and what they were opened with."""
    if not result:
        return [""]
    lines = [line(int(runs), page) for runs, page in result["runs"].items()]
    by = f"{result['browser']} on {result['machine']['cpu']}, {result['machine']['cores']} cores"
    slower = "the processor slowed down four times stands for a phone"
    told = f"{by}; medians of {result['repeats']}; {slower}."
    return ["", *render_digits.head(COLUMNS), *lines, "", told, ""]


def line(runs: int, page: dict[str, Any]) -> str:
    """Return the line of one page, times in seconds since it was asked for."""
    seconds = [
        f"{part[f'median_{key}'] / 1000:.1f} s"
        for part in page["opened"].values()
        for key in ("painted_ms", "ready_ms")
    ]
    title = "of one run" if runs == 1 else f"of {runs} runs, merged"
    size = f"{page['page_bytes'] / 1e6:.1f} MB"
    return render_digits.line([title, size, f"{page['write_s']:.0f} s", *seconds])
