"""What the results of bootstrap_coverage and five_thousand_images say, as tables, a sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import render_digits

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

COLUMNS = ("", "true drop", "images", "trials", "covered", "too low", "too high", "median width")
SHOWN = ("percentile", "basic", "normal", "bias-corrected", "BCa")


def coverage(result: dict[str, Any]) -> list[str]:
    """Return how often edgekit's interval holds the true drop, one line per pair and size."""

    def cells(pair: str, known: dict[str, Any], trials: dict[str, Any]) -> list[str]:
        ours = trials["intervals"]["percentile"]
        return [
            pair,
            f"{known['true_drop']:.2f}",
            f"{trials['images']:,}",
            f"{trials['trials']:,}",
            *(f"{100 * ours[key]:.1f} %" for key in ("holds", "too_low", "too_high")),
            f"{ours['median_width']:.2f}",
        ]

    return _table(result, COLUMNS, cells)


def others(result: dict[str, Any]) -> list[str]:
    """Return how often every interval holds the true drop, and how far off its middle may be."""

    def cells(pair: str, _: dict[str, Any], trials: dict[str, Any]) -> list[str]:
        held = (f"{100 * trials['intervals'][name]['holds']:.1f} %" for name in SHOWN)
        errors = (trials[f"rms_error_of_{what}"] for what in ("drop", "mean_resample"))
        return [pair, f"{trials['images']:,}", *held, *(f"{error:.2f}" for error in errors)]

    return _table(result, ["", "images", *SHOWN, "drop is off by", "mean draw is off by"], cells)


def cost(result: dict[str, Any]) -> list[str]:
    """Return how long it takes to score two models, as a sentence."""
    if not result:
        return [""]
    seconds = result["seconds"]
    told = (
        f"Two models on {result['images']:,} images with {result['categories']} classes "
        f"({result['objects']:,} objects and {sum(result['detections']) / 2 / 1e6:.1f} million "
        f"detections each, real ones repeated) take {seconds['total']:.0f} s on "
        f"{result['cores']} cores: {seconds['match']:.0f} s to match both, "
        f"{seconds['score']:.0f} s for all figures of both, "
        f"{seconds['bootstrap']:.0f} s for {result['resamples']:,} resamples."
    )
    return [told]


def _table(
    result: dict[str, Any],
    columns: Sequence[str],
    cells: Callable[[str, dict[str, Any], dict[str, Any]], list[str]],
) -> list[str]:
    if not result:
        return [""]
    lines = ["", *render_digits.head(columns)]
    for pair, known in result["pairs"].items():
        lines += [render_digits.line(cells(pair, known, trials)) for trials in known["trials"]]
    return [*lines, ""]
