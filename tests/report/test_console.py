from __future__ import annotations

import io

import pytest
from rich.console import Console

from edgekit.report.console import to_console


@pytest.mark.parametrize("width", [80, 120])
def test_the_terminal_shows_what_it_showed(report, golden, width):
    console = Console(file=io.StringIO(), width=width, color_system=None)

    console.print(to_console(report))

    lines = [line.rstrip() for line in console.file.getvalue().splitlines()]
    golden(f"report/console-{width}.txt", "\n".join(lines) + "\n")
