"""What a search tried, as a table and in a sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgekit.report.cells import ms, points, signed_points, times

if TYPE_CHECKING:
    from edgekit.report.schema import Report, Row, Search, Trial

TRIAL_HEADINGS = (
    "Name",
    "Precision",
    "Input",
    "Layers in float",
    "Agreement",
    "Loss (95 %)",
    "p50 ms",
    "Speedup (95 %)",
    "As asked",
    "Front",
)
WORDS = frozenset({0, 1, 8, 9})  # columns that hold no figure


def rows_by_speed(report: Report) -> tuple[Row, ...]:
    """Return the rows as people look for them; as they are where nothing was searched for.

    The model as given and FP32 first, then the others, the fastest first.
    """
    if report.search is None:
        return report.rows
    first = [r for r in report.rows if r.name == "as-given" or r.baseline]
    others = [r for r in report.rows if r not in first]
    return (*first, *sorted(others, key=lambda r: -(r.speedup or 0)))


def trials_by_speed(search: Search) -> tuple[Trial, ...]:
    """Return what was tried, the fastest against FP32 first."""
    return tuple(sorted(search.trials, key=lambda t: -t.speedup))


def trial_cells(trial: Trial) -> tuple[str, ...]:
    """Return what a table says of one network, a cell for every heading."""
    return (
        trial.name,
        trial.precision,
        f"{trial.input_hw[0]}×{trial.input_hw[1]}",
        str(trial.layers_float),
        points(trial.agreement),
        signed_points(trial.map_drop_points, trial.map_drop_ci95),
        ms(trial.p50_ms),
        times(trial.speedup, trial.speedup_ci95),
        "yes" if trial.met else "no",
        "yes" if trial.front else "no",
    )


def search_sentence(search: Search) -> str:
    """Return how many networks were judged, tried and remembered, and what the front is."""
    remembered = f", {search.remembered} of them in an earlier search" if search.remembered else ""
    return (
        f"Each of {search.layers} layers may run in INT8 or in float. Of {search.expected} choices "
        f"whose damage and time were forecast, {len(search.trials)} were built, scored on "
        f"{search.images} search images and timed{remembered}. The front is what no other is both "
        "as fast and as good as."
    )
