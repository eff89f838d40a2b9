"""``edgekit eval``."""

from __future__ import annotations

import json as jsonlib
from pathlib import Path
from typing import Annotated

import typer

from edgekit.cli.flags import (
    Family,
    Head,
    Images,
    InputSize,
    Json,
    PreprocessText,
    TrustCode,
    cache_folder,
    model_options,
    write_text,
)


def evaluate(
    model: Annotated[
        Path, typer.Argument(help="ONNX file, checkpoint, Darknet's .cfg, or artifact.")
    ],
    evaluation: Annotated[str, typer.Option("--eval", help="Images to score on.")],
    images: Images = None,
    detections: Annotated[
        Path | None, typer.Option(help="File for every detection, in COCO results form.")
    ] = None,
    head: Head = None,
    input_size: InputSize = None,
    family: Family = None,
    preprocess: PreprocessText = None,
    trust_code: TrustCode = False,
    json: Json = False,
) -> None:
    """Score a model or an artifact as it is."""
    from edgekit.cli.accuracy_rows import figures, tables
    from edgekit.cli.progress import bars
    from edgekit.cli.tables import show
    from edgekit.config.calibration import open_source
    from edgekit.images.datasets import DatasetOptions
    from edgekit.pipeline.evaluate import evaluate as run

    dataset = open_source(evaluation, DatasetOptions(images=images, cache=cache_folder()))
    with bars() as progress:
        options = model_options(head, input_size, family, preprocess, trust_code)
        result = run(model, dataset, options, progress)
    if detections is not None:
        write_text(detections, jsonlib.dumps(result.results))
    for warning in result.warnings:
        typer.echo(f"edgekit: {warning}", err=True)
    facts: dict[str, object] = {"detections": len(result.results), "faults": result.faults}
    accuracy = result.accuracy
    if json:
        told = facts if accuracy is None else {**facts, **figures(accuracy)}
        typer.echo(show([told], as_json=True), nl=False)
    elif accuracy is not None:
        typer.echo(tables(accuracy, facts), nl=False)
    else:
        rows = [{"figure": k, "value": v} for k, v in facts.items()]
        typer.echo(show(rows, as_json=False), nl=False)
