"""``edgekit report``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edgekit.cli.flags import Json, Out


def report(
    runs: Annotated[list[Path], typer.Argument(help="Folders of runs, or their report.json.")],
    out: Out,
    json: Json = False,
) -> None:
    """Merge runs of any models, devices and targets into one report."""
    from edgekit.cli.tables import show
    from edgekit.pipeline.merge import merge
    from edgekit.report.merged import RUN_HEADINGS, headline, run_cells, to_merged_json

    reports = merge(runs, out)
    if json:
        typer.echo(to_merged_json(reports), nl=False)
        return
    rows = [dict(zip(RUN_HEADINGS, cells, strict=True)) for cells in run_cells(reports)]
    typer.echo(show(rows, as_json=False))
    typer.echo(headline(reports))
    typer.echo(f"Written to {out}: report.html, .md, .json and .csv, plots/.")
