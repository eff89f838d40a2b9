"""``edgekit doctor``."""

from __future__ import annotations

import typer

from edgekit.cli.flags import Json


def doctor(json: Json = False) -> None:
    """Say what this computer can run, and what is missing for the rest."""
    from edgekit.cli.tables import show
    from edgekit.pipeline.doctor import diagnose

    rows = [{"part": f.part, "state": f.state, "advice": f.advice} for f in diagnose()]
    typer.echo(show(rows, as_json=json), nl=False)
