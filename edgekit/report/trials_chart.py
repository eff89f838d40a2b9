"""The plot of what a search tried, as an SVG that takes its colours from the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgekit.report.cells import points, signed_points, times
from edgekit.report.chart import FAINT, FRONT, INK, MARKERS, SHIPPED, drawing

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from edgekit.report.schema import Search, Trial


def trials_svg(search: Search) -> str | None:
    """Return the plot as an ``<svg>`` element; ``None`` where no trial has a figure to place it.

    Up is agreement with FP32, or, where trials differ in input size, the mAP that is kept.
    """
    if not _placed(search):
        return None
    return drawing(lambda axes: _draw(axes, search), trials_description(search))


def trials_description(search: Search) -> str:
    """Return what the plot shows, in words, for those who do not see it."""
    each = [f"{t.name}: {_told(t, search)} at {times(t.speedup)}" for t in _placed(search)]
    return "What was tried. " + "; ".join(each) + "."


def _draw(axes: Axes, search: Search) -> None:
    placed = _placed(search)
    front = sorted((t for t in placed if t.front), key=_time)
    axes.plot(
        [_time(t) for t in front], [_up(t, search) for t in front], color=FRONT, lw=1.2, zorder=1
    )
    for trial in placed:
        chosen = trial.name == search.chosen
        color = SHIPPED if chosen else INK
        inside = color if trial.met else "none"
        at = _time(trial), _up(trial, search)
        axes.plot(*at, MARKERS[trial.precision], color=color, mfc=inside, ms=8 if chosen else 5)
        if chosen or trial.precision in ("fp32", "int8"):
            axes.annotate(trial.name, at, (7, -11), textcoords="offset points", color=color)
    axes.set_xlim(0, 1.25 * max(_time(t) for t in placed))
    axes.set_xlabel("inference, % of FP32's time: timed in turn with it")
    several = _several_sizes(search)
    axes.set_ylabel("change of mAP against FP32, points" if several else "agreement with FP32")
    axes.grid(color=FAINT, lw=0.5)
    axes.set_axisbelow(True)
    axes.tick_params(colors=INK, length=0)
    axes.spines[:].set_visible(False)
    axes.margins(y=0.1)
    for label in (axes.xaxis.label, axes.yaxis.label):
        label.set_color(INK)


def _placed(search: Search) -> tuple[Trial, ...]:
    several = _several_sizes(search)
    return tuple(
        t for t in search.trials if (t.map_drop_points if several else t.agreement) is not None
    )


def _several_sizes(search: Search) -> bool:
    return len({t.input_hw for t in search.trials}) > 1


def _up(trial: Trial, search: Search) -> float:
    if _several_sizes(search):
        assert trial.map_drop_points is not None
        return -trial.map_drop_points
    assert trial.agreement is not None
    return 100 * trial.agreement


def _time(trial: Trial) -> float:
    """Return the time in percent of FP32's, paired: the machine was not equally busy for all."""
    return 100 / trial.speedup


def _told(trial: Trial, search: Search) -> str:
    if _several_sizes(search):
        return f"loses {signed_points(trial.map_drop_points)} points of mAP"
    return f"agreement {points(trial.agreement)}"
