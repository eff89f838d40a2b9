"""``edgekit devices``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from edgekit.cli.flags import Family, Head, InputSize, Json, PreprocessText, TrustCode

_OF_MODEL = "With --model"


def devices(
    model: Annotated[
        Path | None,
        typer.Option(help="Rank them by what this model is expected to take: estimates."),
    ] = None,
    precision: Annotated[
        Literal["fp32", "fp16", "int8"] | None,
        typer.Option(help="Left out: the fastest of each device.", rich_help_panel=_OF_MODEL),
    ] = None,
    device: Annotated[
        str | None, typer.Option(help="This one alone.", rich_help_panel=_OF_MODEL)
    ] = None,
    layers: Annotated[
        int | None,
        typer.Option(
            min=1, help="Of --device: its slowest layers, this many.", rich_help_panel=_OF_MODEL
        ),
    ] = None,
    head: Head = None,
    input_size: InputSize = None,
    family: Family = None,
    preprocess: PreprocessText = None,
    trust_code: TrustCode = False,
    json: Json = False,
) -> None:
    """List what --device takes, or what a model is expected to take there."""
    from edgekit.cli.estimates import print_layers, print_ranking
    from edgekit.cli.flags import model_options
    from edgekit.pipeline.estimate import rank_devices

    if model is None:
        if precision or device or layers:
            raise typer.BadParameter("--precision, --device and --layers go with --model.")
        _list(json)
        return
    if layers is not None and device is None:
        raise typer.BadParameter("--layers goes with --device.")
    options = model_options(head, input_size, family, preprocess, trust_code)
    ranking = rank_devices(model, options, precision, device)
    if layers is not None:
        print_layers(ranking, layers, as_json=json)
    else:
        print_ranking(ranking, as_json=json)


def _list(json: bool) -> None:
    from edgekit.cli.tables import show
    from edgekit.config.device import find_device, list_devices

    rows = []
    for name in list_devices():
        device = find_device(name)
        weights = "full" if device.exact_u8s8 else "paired"
        rows.append(
            {
                "device": name,
                "name": device.name,
                "kind": device.kind,
                "parts": " ".join(device.parts),
                "instructions": " ".join(device.cpu.isa),
                "threads": device.threads,
                "weights": weights if device.kind == "cpu" else None,
            }
        )
    typer.echo(show(rows, as_json=json), nl=False)
