"""``edgekit tune``."""

from __future__ import annotations

from typing import Annotated

import typer

from edgekit.cli.conversion import exit_if_missed, print_conversion
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


def tune(
    model: Model,
    target: Annotated[str, typer.Option(help="Recipe in INT8: see 'edgekit targets'.")],
    out: Out,
    calib: Annotated[str, typer.Option(help="Images to calibrate on: folder or data set.")],
    evaluation: Annotated[
        str, typer.Option("--eval", help="Images to report on; they decide nothing.")
    ],
    search: Annotated[
        str | None,
        typer.Option(help="Images to decide on; left out, those of --calib that do not calibrate."),
    ] = None,
    images: Images = None,
    max_map_drop: MaxMapDrop = None,
    min_agreement: Annotated[
        float, typer.Option(help="Least agreement with FP32's own detections, 0 to 1.")
    ] = 0.95,
    sizes: Annotated[
        str | None, typer.Option(help="Input sizes to try, the model's own first: 640,512,416.")
    ] = None,
    evaluations: Annotated[
        int, typer.Option(help="Networks to score and time at each size, at most.")
    ] = 25,
    head: Head = None,
    input_size: InputSize = None,
    family: Family = None,
    preprocess: PreprocessText = None,
    trust_code: TrustCode = False,
    allow_overlap: Annotated[
        bool, typer.Option(help="Go on when the sets of images share some.")
    ] = False,
    force: Force = False,
    json: Json = False,
) -> None:
    """Search for the precision of every layer, and the input size, that are fastest here."""
    from edgekit.cli.progress import bars
    from edgekit.pipeline.options import ConvertOptions
    from edgekit.tune.options import TuneOptions
    from edgekit.tune.tune import tune as run

    convert = ConvertOptions(
        target=target,
        out=out,
        calib=calib,
        evaluation=evaluation,
        images=images,
        map_drop_points_max=max_map_drop,
        allow_overlap=allow_overlap,
        force=force,
        cache=cache_folder(),
        command=typed_command(),
        model=model_options(head, input_size, family, preprocess, trust_code),
    )
    options = TuneOptions(convert, search, _sides(sizes), min_agreement, evaluations)
    with bars() as progress:
        result = run(model, options, progress)
    print_conversion(result, convert, as_json=json)
    exit_if_missed(result, convert)


def _sides(text: str | None) -> tuple[int, ...]:
    """Return the sides that ``--sizes`` names.

    Raises:
        typer.BadParameter: One of them is no number of pixels.
    """
    if text is None:
        return ()
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() for part in parts):
        raise typer.BadParameter(
            f"--sizes '{text}': expected different sides in pixels, such as 640,512,416."
        )
    return tuple(int(part) for part in parts)
