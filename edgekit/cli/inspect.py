"""``edgekit inspect``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edgekit.cli.flags import (
    Family,
    Head,
    InputSize,
    Json,
    PreprocessText,
    TrustCode,
    model_options,
)


def inspect(
    model: Annotated[Path, typer.Argument(help="ONNX file, checkpoint, or Darknet's .cfg.")],
    target: Annotated[
        str | None, typer.Option(help="Also list what this recipe would quantize, and why not.")
    ] = None,
    head: Head = None,
    input_size: InputSize = None,
    family: Family = None,
    preprocess: PreprocessText = None,
    trust_code: TrustCode = False,
    json: Json = False,
) -> None:
    """Show what a model is: its head, its preprocessing, what would be quantized."""
    from edgekit.cli.tables import show
    from edgekit.pipeline.inspect import inspect as run
    from edgekit.report.rewritten import HEADINGS, cells

    found = run(model, model_options(head, input_size, family, preprocess, trust_code), target)
    fates = [vars(fate) for fate in found.fates]
    if json:
        whole = {
            **found.facts,
            "structure": {"given": vars(found.given), "plain": vars(found.plain)},
            "rewrites": found.rewrites,
            "rewritten": found.counted.model_dump(mode="json"),
            "proofs": [vars(proof) for proof in found.proofs],
            "notes": found.notes,
            "warnings": found.warnings,
            "nodes": fates,
        }
        typer.echo(show([whole], as_json=True), nl=False)
        return
    # Commas without a space would not be broken, and the end of a long line be cut off.
    facts = [{"fact": k, "value": str(v).replace(",", ", ")} for k, v in found.facts.items()]
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
    if fates:
        typer.echo(show(fates, as_json=False), nl=False)
