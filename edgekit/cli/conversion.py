"""What a command that converts ends with: the report on stdout, what was missed as exit code."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from edgekit.pipeline.convert import Conversion
    from edgekit.pipeline.options import ConvertOptions


def print_conversion(result: Conversion, options: ConvertOptions, *, as_json: bool) -> None:
    """Print the report, and where it was written to."""
    from rich.console import Console

    from edgekit.report.console import to_console
    from edgekit.report.json_file import to_json

    if as_json:
        typer.echo(to_json(result.report), nl=False)
        return
    Console().print(to_console(result.report))
    typer.echo(f"\nWritten to {options.out}: artifact/, report.html, .md, .json and .csv, plots/.")


def exit_if_missed(result: Conversion, options: ConvertOptions) -> None:
    """End the command where a budget was missed.

    Raises:
        typer.Exit: With 1.
    """
    if result.missed:
        typer.echo(f"edgekit: {options.target} " + " and ".join(result.missed), err=True)
        raise typer.Exit(1)


def refuse_unmeasured(result: Conversion, options: ConvertOptions) -> None:
    """End the command, its files written, where a row was not measured.

    Raises:
        MissingError: One was not.
    """
    from edgekit.errors import MissingError

    if any(row.status != "measured" for row in result.report.rows):
        raise MissingError(
            f"--require-measured: expected every row measured on {result.report.device}, found "
            f"rows that were not. Run this on that device. Written to {options.out} all the same."
        )
