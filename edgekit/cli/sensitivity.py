"""What ``edgekit inspect --sensitivity`` runs and shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from pathlib import Path

    from edgekit.pipeline.options import ModelOptions
    from edgekit.tune.rank_layers import RankOptions
    from edgekit.tune.sensitivity import Sensitivity
    from edgekit.values import Interval


def requested(
    asked: bool, target: str | None, calib: str | None, options: ModelOptions
) -> RankOptions | None:
    """Return what ``--sensitivity`` asks for; ``None`` where it was not given.

    Raises:
        ConfigError: It was given without ``--target`` or without ``--calib``.
    """
    from edgekit.errors import ConfigError
    from edgekit.tune.rank_layers import RankOptions

    if not asked:
        return None
    if target is None or calib is None:
        missing = "--target" if target is None else "--calib"
        raise ConfigError(
            f"--sensitivity runs the network in INT8 on images: {missing} is missing. Type: "
            "edgekit inspect MODEL --target ort-cpu-int8 --sensitivity --calib FOLDER"
        )
    return RankOptions(target, calib, cache=options.cache, model=options)


def ranked(model: Path, options: RankOptions, out: Path | None) -> Sensitivity:
    """Return the ranking, written into the folder ``out`` where there is one."""
    from edgekit.cli.progress import bars
    from edgekit.tune.rank_layers import rank_layers, write_sensitivity

    with bars() as progress:
        found = rank_layers(model, options, progress)
    if out is not None:
        write_sensitivity(found, out)
    return found


def print_ranking(found: Sensitivity) -> None:
    """Print one line per layer, and whether the order can be trusted."""
    from edgekit.cli.tables import show

    rows = [
        {
            "layer": row.layer,
            "MACs": f"{row.mac_share:.1%}",
            "damage alone": _percent(row.damage),
            "relief in float": _percent(row.relief),
            "SQNR dB": f"{row.sqnr_db:.1f}",
            **({} if row.agreement is None else {"agreement": f"{row.agreement:.3f}"}),
        }
        for row in found.layers
    ]
    typer.echo(show(rows, as_json=False))
    typer.echo(
        f"The whole network in INT8: damage {_percent(found.whole_damage)}, "
        f"SQNR {found.whole_sqnr_db:.1f} dB, on {found.images} images."
    )
    typer.echo(found.repeatability.sentence)


def _percent(share: Interval) -> str:
    return f"{share.value:.2%} ({share.low:.2%} to {share.high:.2%})"
