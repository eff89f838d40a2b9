"""``edgekit bench``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
)

if TYPE_CHECKING:
    from edgekit.pipeline.evaluate import Bench


def bench(
    models: Annotated[
        list[Path], typer.Argument(help="Models as for convert, or artifacts, timed in turn.")
    ],
    evaluation: Annotated[
        str | None, typer.Option("--eval", help="Images to run on, and to score on.")
    ] = None,
    images: Images = None,
    head: Head = None,
    input_size: InputSize = None,
    family: Family = None,
    preprocess: PreprocessText = None,
    trust_code: TrustCode = False,
    json: Json = False,
) -> None:
    """Time models against each other, each in a process of its own."""
    from edgekit.cli.progress import bars
    from edgekit.cli.tables import show
    from edgekit.config.calibration import open_source
    from edgekit.images.datasets import DatasetOptions
    from edgekit.pipeline.evaluate import bench as run

    dataset = None
    if evaluation is not None:
        dataset = open_source(evaluation, DatasetOptions(images=images, cache=cache_folder()))
    with bars() as progress:
        options = model_options(head, input_size, family, preprocess, trust_code)
        results = run(models, dataset, options, progress)
    for warning in (w for result in results for w in result.warnings):
        typer.echo(f"edgekit: {warning}", err=True)
    typer.echo(show([_row(r) for r in results], as_json=json), nl=False)


def _row(result: Bench) -> dict[str, object]:
    latency = result.timed.latency
    row: dict[str, object] = {
        "model": result.name,
        "p50_ms": round(latency.p50, 2),
        "p90_ms": round(latency.p90, 2),
        "p99_ms": round(latency.p99, 2),
        "runs": latency.runs,
        "pre_ms": round(latency.pre_p50, 2),
        "post_ms": round(latency.post_p50, 2),
        "fps": round(result.timed.fps, 1),
    }
    ratio = result.speedup
    row["speedup"] = round(ratio.value, 2) if ratio else None
    row["speedup_ci95"] = [round(ratio.low, 2), round(ratio.high, 2)] if ratio else None
    if result.scores is not None:
        accuracy, drop = result.scores.accuracy, result.scores.drop
        row["map"] = round(accuracy.map, 4) if accuracy else None
        row["map_drop_points"] = round(drop.value, 2) if drop else None
        row["map_drop_ci95"] = [round(drop.low, 2), round(drop.high, 2)] if drop else None
        agreed = result.scores.agreement
        row["agreement"] = None if agreed is None else round(agreed, 4)
    return row
