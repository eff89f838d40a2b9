"""Precision against recall, and what a threshold of confidence keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from edgekit.report.charts.chart import Chart
from edgekit.report.charts.theme import HUES, figure, name, number, told

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from edgekit.report.entries import Entry
    from edgekit.report.quality import Curves

MOST = len(HUES)


def precision_recall(entries: Sequence[Entry]) -> Chart | None:
    """Return precision against recall at IoU 0.5; ``None`` where no row has its curves."""
    return _chart(
        "Precision against recall",
        "At IoU 0.5, interpolated as COCO does, mean over classes.",
        entries,
        _Axes("precision-recall", ("recall", "recall"), ("precision", "precision")),
        lambda curves: curves.precision_at_recall,
    )


def f1_over_confidence(entries: Sequence[Entry]) -> Chart | None:
    """Return F1 over confidence at IoU 0.5; ``None`` where no row has its curves."""
    return _chart(
        "F1 over confidence",
        "What a threshold keeps, at IoU 0.5, all classes together.",
        entries,
        _Axes("f1-confidence", ("confidence", "confidence threshold"), ("f1", "F1")),
        lambda curves: curves.f1,
    )


class _Axes(NamedTuple):
    """Name of a chart, and of each axis the field and the title."""

    name: str
    x: tuple[str, str]
    y: tuple[str, str]


def _chart(
    title: str,
    caption: str,
    entries: Sequence[Entry],
    axes: _Axes,
    heights: Callable[[Curves], Sequence[float]],
) -> Chart | None:
    drawn = _drawn(entries)
    if not drawn:
        return None
    values = [
        {
            "key": entry.key,
            "label": entry.label,
            axes.x[0]: step / 100,
            axes.y[0]: round(value, 4),
        }
        for entry, curves in drawn
        for step, value in enumerate(heights(curves))
    ]
    return Chart(
        name=axes.name,
        title=title,
        words=_words(f"{title} at IoU 0.5", drawn),
        caption=caption + _left_out(entries),
        spec=_lines(values, axes),
    )


def _drawn(entries: Sequence[Entry]) -> list[tuple[Entry, Curves]]:
    """Return the rows to draw: the baselines and what ships first, as many as there are hues."""
    found = [(e, e.row.curves) for e in entries if e.row.curves is not None]
    found.sort(key=lambda pair: not (pair[0].row.baseline or pair[0].shipped))
    return sorted(found[:MOST], key=lambda pair: pair[0].key)


def _left_out(entries: Sequence[Entry]) -> str:
    others = sum(e.row.curves is not None for e in entries) - MOST
    return f" {others} more rows are not drawn." if others > 0 else ""


def _words(what: str, drawn: Sequence[tuple[Entry, Curves]]) -> str:
    each = [
        f"{e.label}: best F1 {max(c.f1):.2f} at {c.f1.index(max(c.f1)) / 100:.2f}" for e, c in drawn
    ]
    return f"{what}. " + "; ".join(each) + "."


def _lines(values: list[dict[str, Any]], axes: _Axes) -> dict[str, Any]:
    x, y = axes.x, axes.y
    labels = list(dict.fromkeys(v["label"] for v in values))
    color = name("label", title=None, scale={"domain": labels, "range": list(HUES[: len(labels)])})
    unit = {"domain": [0, 1]}
    # Lines lie on each other where INT8 does what FP32 does: dashes let both be seen.
    dash = name(
        "label",
        title=None,
        scale={
            "domain": labels,
            "range": [[1, 0], [6, 3], [2, 2], [8, 2, 2, 2], [4, 4], [1, 3]][: len(labels)],
        },
    )
    return figure(
        values,
        data="rows",
        mark={"type": "line", "strokeWidth": 1.8, "interpolate": "linear"},
        encoding={
            "x": number(x[0], title=x[1], scale=unit),
            "y": number(y[0], title=y[1], scale=unit),
            "color": color,
            "strokeDash": dash,
            "tooltip": told(("label", "row"), (x[0], x[1]), (y[0], y[1])),
        },
    )
