"""``edgekit inspect``."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgekit.cli.flags import (
    Family,
    Head,
    Images,
    InputSize,
    Json,
    PreprocessText,
    TrustCode,
    model_options,
)

if TYPE_CHECKING:
    from edgekit.pipeline.inspect import Inspection

_COMMA = re.compile(r",(?! )")


def inspect(
    model: Annotated[Path, typer.Argument(help="ONNX file, checkpoint, or Darknet's .cfg.")],
    target: Annotated[
        str | None, typer.Option(help="Also list what this recipe would quantize, and why not.")
    ] = None,
    sensitivity: Annotated[
        bool, typer.Option(help="Also rank its layers by what each costs in INT8.")
    ] = False,
    calib: Annotated[
        str | None, typer.Option(help="Images for --sensitivity: folder or data set.")
    ] = None,
    images: Images = None,
    draws: Annotated[
        int, typer.Option(min=1, help="How often --sensitivity draws images anew.")
    ] = 2,
    agreement: Annotated[
        bool, typer.Option(help="Have --sensitivity measure agreement, too.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the ranking as JSON, CSV and plot.")
    ] = None,
    head: Head = None,
    input_size: InputSize = None,
    family: Family = None,
    preprocess: PreprocessText = None,
    trust_code: TrustCode = False,
    json: Json = False,
) -> None:
    """Show what a model is: its head, its preprocessing, what would be quantized."""
    from edgekit.cli.progress import bars
    from edgekit.cli.sensitivity import print_ranking, ranked, requested
    from edgekit.cli.tables import show
    from edgekit.pipeline.inspect import inspect as run
    from edgekit.tune.rank_layers import as_json

    options = model_options(head, input_size, family, preprocess, trust_code)
    asked = requested(sensitivity, target, calib, options)
    with bars() as progress:
        found = run(model, options, target, progress)
    ranking = None
    if asked is not None:
        asked = replace(asked, images=images, draws=draws, agreement=agreement)
        ranking = ranked(model, asked, out)
    if json:
        whole = _whole(found) | ({} if ranking is None else {"sensitivity": as_json(ranking)})
        typer.echo(show([whole], as_json=True), nl=False)
        return
    _print(found)
    if ranking is not None:
        print_ranking(ranking)


def _whole(found: Inspection) -> dict[str, Any]:
    return {
        **found.facts,
        "structure": {"given": vars(found.given), "plain": vars(found.plain)},
        "rewrites": found.rewrites,
        "rewritten": found.counted.model_dump(mode="json"),
        "proofs": [vars(proof) for proof in found.proofs],
        "notes": found.notes,
        "warnings": found.warnings,
        "nodes": [vars(fate) for fate in found.fates],
    }


def _print(found: Inspection) -> None:
    from edgekit.cli.tables import show
    from edgekit.report.rewritten import HEADINGS, cells

    # A line without a space would not be broken, and its end be cut off.
    facts = [{"fact": k, "value": _COMMA.sub(", ", str(v))} for k, v in found.facts.items()]
    typer.echo(show(facts, as_json=False))
    changes = [
        {"structure": k.replace("_", " "), "as given": before, "rewritten": vars(found.plain)[k]}
        for k, before in vars(found.given).items()
    ]
    typer.echo(show(changes, as_json=False))
    done = [dict(zip(HEADINGS, cells(count), strict=True)) for count in found.counted.done]
    if done:
        typer.echo(show(done, as_json=False))
    for note in found.notes:
        typer.echo(note)
    for warning in found.warnings:
        typer.echo(f"edgekit: {warning}", err=True)
    if found.fates:
        rows = [{**vars(fate), "mac_share": f"{fate.mac_share:.1%}"} for fate in found.fates]
        typer.echo(show(rows, as_json=False), nl=False)
