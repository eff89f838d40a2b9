"""``edgekit gate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgekit.cli.flags import Json

if TYPE_CHECKING:
    from edgekit.report.gate import Gate
    from edgekit.report.schema import Report

AGAINST = "Against the last accepted report"


def gate(
    report: Annotated[Path, typer.Argument(help="report.json of one run, or its folder.")],
    max_map_drop: Annotated[
        float | None, typer.Option(help="Points of mAP it may lose against FP32.")
    ] = None,
    min_agreement: Annotated[
        float | None, typer.Option(help="Least agreement with FP32's own detections, 0 to 1.")
    ] = None,
    max_p90_ms: Annotated[
        float | None, typer.Option(help="Longest 90th percentile of inference, milliseconds.")
    ] = None,
    min_speedup: Annotated[
        float | None, typer.Option(help="Least times the speed of FP32, timed in turn.")
    ] = None,
    row: Annotated[
        str | None, typer.Option(help="Row to hold to the limits; left out, the one that ships.")
    ] = None,
    confident: Annotated[
        bool,
        typer.Option("--confident", help="Fail unless the whole 95 % interval keeps a limit."),
    ] = False,
    baseline: Annotated[
        Path | None,
        typer.Option(help="report.json that was accepted last.", rich_help_panel=AGAINST),
    ] = None,
    max_map_fall: Annotated[
        float | None,
        typer.Option(
            help="Points of mAP it may lie below --baseline; 0.5 without --max-slowdown.",
            rich_help_panel=AGAINST,
        ),
    ] = None,
    max_slowdown: Annotated[
        float | None,
        typer.Option(
            help="Times the 90th percentile of --baseline; 1.1 without --max-map-fall.",
            rich_help_panel=AGAINST,
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Hold a report to limits: exit 1, and the reason, where one is missed."""
    from edgekit.report.gate import Limits
    from edgekit.report.gate import gate as run
    from edgekit.report.merged import read_run

    limits = Limits(
        map_drop_points=max_map_drop,
        agreement=min_agreement,
        p90_ms=max_p90_ms,
        speedup=min_speedup,
        map_fall_points=max_map_fall,
        slowdown=max_slowdown,
        confident=confident,
    )
    accepted = None if baseline is None else read_run(baseline)
    opened = read_run(report)
    result = run(opened, limits, row, accepted)
    typer.echo(_as_json(result) if json else _as_text(result, opened))
    missed = [check.limit for check in result.checks if not check.passed]
    if missed:
        typer.echo(f"edgekit: {report} does not pass the gate: {', '.join(missed)}.", err=True)
        raise typer.Exit(1)


def _as_text(result: Gate, report: Report) -> str:
    held = f"{result.row}, {result.status}" if result.row else "no row"
    lines = [f"{report.target} on {report.device}: {held}"]
    for check in result.checks:
        allowed = "" if check.allowed is None else f" {check.allowed:g}"
        lines.append(
            f"{'pass' if check.passed else 'FAIL'}  {check.limit}{allowed}: {check.reason}."
        )
    lines += [f"note  {note}." for note in result.notes]
    # What a report names may come from a stranger: CI takes a line of its own for a command.
    return "\n".join(" ".join(line.splitlines()) for line in lines)


def _as_json(result: Gate) -> str:
    import json
    from dataclasses import asdict

    return json.dumps({"passed": result.passed, **asdict(result)}, indent=2)
