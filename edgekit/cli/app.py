"""The ``edgekit`` command and its subcommands."""

from __future__ import annotations

import typer

from edgekit import __version__
from edgekit.cli.bench import bench
from edgekit.cli.calib import calib
from edgekit.cli.convert import convert
from edgekit.cli.demo import demo
from edgekit.cli.devices import devices
from edgekit.cli.doctor import doctor
from edgekit.cli.evaluate import evaluate
from edgekit.cli.gate import gate
from edgekit.cli.inspect import inspect
from edgekit.cli.report import report
from edgekit.cli.run import run
from edgekit.cli.targets import targets
from edgekit.cli.tune import tune

app = typer.Typer(
    help="Turn a trained object detector into the fastest model that keeps its accuracy.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"edgekit {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version and stop."
    ),
) -> None:
    """Turn a trained object detector into the fastest model that keeps its accuracy."""


app.command()(demo)
app.command()(convert)
app.command()(tune)
app.command("eval")(evaluate)
app.command()(bench)
app.command()(run)
app.command()(inspect)
app.command()(report)
app.command()(gate)
app.add_typer(calib, name="calib")
app.command()(targets)
app.command()(devices)
app.command()(doctor)
