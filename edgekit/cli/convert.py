"""``edgekit convert``."""

from __future__ import annotations

from typing import Annotated

import typer

from edgekit.cli.conversion import exit_if_missed, print_conversion, refuse_unmeasured
from edgekit.cli.flags import (
    Family,
    Force,
    Head,
    Images,
    InputSize,
    Json,
    MaxMapDrop,
    Model,
    Out,
    PreprocessText,
    TrustCode,
    cache_folder,
    model_options,
    typed_command,
)


def convert(
    model: Model,
    target: Annotated[str, typer.Option(help="Recipe: see 'edgekit targets'.")],
    out: Out,
    calib: Annotated[
        str | None, typer.Option(help="Images to calibrate on: folder or data set.")
    ] = None,
    evaluation: Annotated[
        str | None, typer.Option("--eval", help="Images to score on: data set or folder.")
    ] = None,
    images: Images = None,
    device: Annotated[str | None, typer.Option(help="See 'edgekit devices'.")] = None,
    max_map_drop: MaxMapDrop = None,
    head: Head = None,
    input_size: InputSize = None,
    family: Family = None,
    preprocess: PreprocessText = None,
    trust_code: TrustCode = False,
    allow_overlap: Annotated[
        bool, typer.Option(help="Go on when calibration images are among those that score.")
    ] = False,
    force: Force = False,
    require_measured: Annotated[
        bool, typer.Option(help="Exit 3 when the device is not this computer.")
    ] = False,
    json: Json = False,
) -> None:
    """Convert a trained detector, measure it and report."""
    from edgekit.cli.progress import bars
    from edgekit.pipeline.convert import convert as run
    from edgekit.pipeline.options import ConvertOptions

    options = ConvertOptions(
        target=target,
        out=out,
        calib=calib,
        evaluation=evaluation,
        images=images,
        device=device,
        map_drop_points_max=max_map_drop,
        allow_overlap=allow_overlap,
        force=force,
        cache=cache_folder(),
        command=typed_command(),
        model=model_options(head, input_size, family, preprocess, trust_code),
    )
    with bars() as progress:
        result = run(model, options, progress)
    print_conversion(result, options, as_json=json)
    exit_if_missed(result, options)
    if require_measured:
        refuse_unmeasured(result, options)
