"""``edgekit bench``."""

from __future__ import annotations

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
)


def bench(
    models: Annotated[
        list[Path], typer.Argument(help="Models as for convert, or artifacts, timed in turn.")
    ],
    evaluation: Annotated[
        str | None, typer.Option("--eval", help="Images to run on, and to score on.")
    ] = None,
    images: Images = None,
    streams: Annotated[
        str | None,
        typer.Option(help="Images under way at once: 1,2,4. Left out: one, and one per core."),
    ] = None,
    repeat_disturbed: Annotated[
        bool,
        typer.Option(help="Measure rounds again that another program was in the way of."),
    ] = False,
    head: Head = None,
    input_size: InputSize = None,
    family: Family = None,
    preprocess: PreprocessText = None,
    trust_code: TrustCode = False,
    json: Json = False,
) -> None:
    """Time models against each other, each in a process of its own."""
    from edgekit.cli.bench_rows import in_full, marks, tables
    from edgekit.cli.progress import bars
    from edgekit.cli.tables import show
    from edgekit.config.calibration import open_source
    from edgekit.images.datasets import DatasetOptions
    from edgekit.measure.latency import for_a_report
    from edgekit.pipeline.evaluate import bench as run

    dataset = None
    if evaluation is not None:
        dataset = open_source(evaluation, DatasetOptions(images=images, cache=cache_folder()))
    with bars() as progress:
        options = model_options(head, input_size, family, preprocess, trust_code)
        latency = for_a_report(_counts(streams), repeat_disturbed=repeat_disturbed)
        results = run(models, dataset, options, latency, progress)
    for warning in (w for result in results for w in (*result.warnings, *marks(result))):
        typer.echo(f"edgekit: {warning}", err=True)
    if json:
        typer.echo(show([in_full(r) for r in results], as_json=True), nl=False)
        return
    typer.echo("\n".join(show(table, as_json=False) for table in tables(results)), nl=False)


def _counts(text: str | None) -> tuple[int, ...] | None:
    """Return the numbers that ``--streams`` names.

    Raises:
        typer.BadParameter: One of them is no number above zero.
    """
    if text is None:
        return None
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and int(part) for part in parts):
        raise typer.BadParameter(f"--streams '{text}': expected numbers of images, such as 1,2,4.")
    return tuple(dict.fromkeys(int(part) for part in parts))
