"""Estimates on stdout, and what they stand on beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from edgekit.estimate.roofline import Estimate, LayerTime
    from edgekit.pipeline.estimate import Ranking

_ALL = (
    "All of these are estimates; nothing was run. In brackets: within which 80 % of published "
    "times lie. Inference alone, one image at a time; boxes are decoded outside."
)
_DOUBTED = "* weaker than the others, or of figures nobody has checked: --device NAME says why."


def print_ranking(ranking: Ranking, *, as_json: bool) -> None:
    """Print one line per estimate, the fastest first, and what they stand on."""
    from edgekit.cli.tables import show
    from edgekit.estimate.rank import doubts

    if as_json:
        typer.echo(show([_whole(one) for one in ranking.estimates], as_json=True), nl=False)
        return
    typer.echo(show([_cells(one) for one in ranking.estimates], as_json=False), nl=False)
    typer.echo(_ALL)
    if any(doubts(one) for one in ranking.estimates):
        typer.echo(_DOUBTED)
    for sentence in _bases(ranking):
        typer.echo(sentence)
    if len({one.processor.device for one in ranking.estimates}) == 1:
        for one in ranking.estimates:
            _doubts_of(one)
    if ranking.unknown:
        names = ", ".join(ranking.unknown)
        typer.echo(f"edgekit: too few figures for an estimate of: {names}.", err=True)


def print_layers(ranking: Ranking, count: int, *, as_json: bool) -> None:
    """Print the ``count`` slowest layers on the fastest processor of the ranking."""
    from edgekit.cli.tables import show

    one = ranking.estimates[0]
    rows = [_layer(layer, one, as_json=as_json) for layer in one.heaviest(count)]
    if not as_json:
        typer.echo(f"{_where(one)}, {one.precision}: {_interval(one)} ms in all, estimated")
    typer.echo(show(rows, as_json=as_json), nl=False)
    if not as_json:
        typer.echo(_ALL)


def _cells(one: Estimate) -> dict[str, str]:
    from edgekit.estimate.rank import doubts

    shares = one.shares
    return {
        "device": one.processor.device + ("*" if doubts(one) else ""),
        "runs on": f"{one.processor.runtime} {one.processor.part}",
        "in": one.precision,
        "estimated ms": _interval(one),
        "fps": f"{1e3 / one.ms:.0f}",
        "bound": one.bound,
        "compute": f"{shares['compute']:.0%}",
        "memory": f"{shares['memory']:.0%}",
        "rest": f"{shares['overhead']:.0%}",
        "fits": {True: "yes", False: "no", None: "-"}[one.fits],
    }


def _whole(one: Estimate) -> dict[str, Any]:
    from edgekit.estimate.rank import doubts

    processor = one.processor
    return {
        "device": processor.device,
        "name": processor.title,
        "part": processor.part,
        "runtime": processor.runtime,
        "precision": one.precision,
        "status": "estimated",
        "ms": round(one.ms, 3),
        "low_ms": round(one.low_ms, 3),
        "high_ms": round(one.high_ms, 3),
        "fps": round(1e3 / one.ms, 1),
        "bound": one.bound,
        "shares": {key: round(share, 3) for key, share in one.shares.items()},
        "fits_in_memory": one.fits,
        "fitted_on": one.constants.fitted_on,
        "checked_on": one.constants.checked_on,
        "median_error": one.constants.error,
        "doubts": doubts(one),
    }


def _layer(layer: LayerTime, one: Estimate, *, as_json: bool) -> dict[str, Any]:
    digits = 6 if as_json else 3
    return {
        "layer": layer.layer.name,
        "kind": layer.layer.kind,
        "ms": round(layer.ms, digits),
        "share": round(layer.ms / one.ms, 4) if as_json else f"{layer.ms / one.ms:.1%}",
        "bound": layer.bound,
        "compute ms": round(layer.compute_ms, digits),
        "memory ms": round(layer.memory_ms, digits),
        "mmacs": round(layer.layer.macs / 1e6, 1),
    }


def _interval(one: Estimate) -> str:
    ms, low, high = (f"{value:.3g}" for value in (one.ms, one.low_ms, one.high_ms))
    return f"{ms} ({low} to {high})"


def _where(one: Estimate) -> str:
    return f"{one.processor.title}, {one.processor.runtime} on its {one.processor.part}"


def _bases(ranking: Ranking) -> list[str]:
    from edgekit.pipeline.estimate import basis

    found = {one.processor.family: one.constants for one in ranking.estimates}
    return [basis(family, found[family]) for family in sorted(found)]


def _doubts_of(one: Estimate) -> None:
    from edgekit.estimate.rank import doubts

    for clause in doubts(one):
        typer.echo(f"* {_where(one)}: {clause}.")
