"""``edgekit demo``."""

from __future__ import annotations

import shlex
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgekit.cli.conversion import exit_if_missed, print_conversion
from edgekit.cli.flags import Json, cache_folder

if TYPE_CHECKING:
    from edgekit.pipeline.options import ConvertOptions
    from edgekit.scenes.dataset import SceneRequest

SCENES = "Scenes as a COCO data set, instead of the conversion"
PLACE = "scenes"


class SplitName(StrEnum):
    """What --split takes."""

    TRAIN = "train"
    CALIB = "calib"
    SEARCH = "search"
    EVAL = "eval"


def demo(
    out: Annotated[Path, typer.Option(help="Folder to write.")] = Path("demo"),
    target: Annotated[str, typer.Option(help="Recipe: see 'edgekit targets'.")] = "ort-cpu-int8",
    write_scenes: Annotated[
        Path | None,
        typer.Option(help="Write scenes into this folder and stop.", rich_help_panel=SCENES),
    ] = None,
    split: Annotated[
        SplitName,
        typer.Option(help="No digit and no background is in two.", rich_help_panel=SCENES),
    ] = SplitName.EVAL,
    count: Annotated[int, typer.Option(min=1, help="How many.", rich_help_panel=SCENES)] = 200,
    seed: Annotated[
        int, typer.Option(min=0, help="Another one gives others.", rich_help_panel=SCENES)
    ] = 0,
    json: Json = False,
) -> None:
    """Convert a detector that ships with edgekit, on scenes drawn here: needs no files of yours."""
    from edgekit.cli.progress import bars
    from edgekit.pipeline.convert import convert
    from edgekit.pipeline.demo import bundled_model, demo_options
    from edgekit.scenes.dataset import SceneRequest

    if write_scenes is not None:
        _write(SceneRequest(split.value, count, seed), write_scenes, as_json=json)
        return
    options = demo_options(target, out, cache_folder())
    _introduce(options)
    with bars() as progress:
        result = convert(bundled_model(), options, progress)
    print_conversion(result, options, as_json=json)
    _say(
        "",
        f"Open {out / 'report.html'} in a browser: what INT8 gains and costs here, and what FP32",
        "and INT8 find in the same scenes. Then put your own detector and images into the command",
        "above, or look at single detections:",
        f"  edgekit demo --write-scenes {PLACE}",
        f"  {shlex.join(['edgekit', 'run', str(out), f'{PLACE}/images', '--limit', '5'])}",
    )
    exit_if_missed(result, options)


def _introduce(options: ConvertOptions) -> None:
    from edgekit.config.calibration import find_calibration

    sources = {"--calib": options.calib, "--eval": options.evaluation}
    _say(
        "A small detector of handwritten digits, which ships with edgekit, becomes a model for",
        f"{options.target}. Nothing is downloaded; the images are drawn here:",
        *(f"  {flag} {s}: {find_calibration(s).summary}" for flag, s in sources.items() if s),
        "They share no digit and no background. The same by hand:",
        f"  {options.command}",
        "Calibrating, quantizing, scoring, and timing the models in turn: about a minute.",
        "",
    )


def _write(request: SceneRequest, folder: Path, *, as_json: bool) -> None:
    from edgekit.cli.progress import bars
    from edgekit.cli.tables import show
    from edgekit.scenes.dataset import write_scenes

    with bars() as progress:
        labels = write_scenes(request, folder, progress)
    if as_json:
        typer.echo(show([{"labels": str(labels), "images": request.count}], as_json=True), nl=False)
    else:
        typer.echo(f"Written: {labels} and its {request.count} images.")


def _say(*lines: str) -> None:
    for line in lines:
        typer.echo(line, err=True)
