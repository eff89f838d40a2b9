"""Precision against recall, and what a threshold of confidence keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edgekit.report.charts.chart import Chart
from edgekit.report.charts.theme import HUES, figure, name, number, told

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edgekit.report.entries import Entry
    from edgekit.report.quality import Curves

MOST = len(HUES)
STEPS = 101


def precision_recall(entries: Sequence[Entry]) -> Chart | None:
    """Return precision against recall at IoU 0.5; ``None`` where no row has its curves."""
    drawn = _drawn(entries)
    if not drawn:
        return None
    values = [
        {**_who(entry), "recall": step / 100, "precision": round(value, 4)}
        for entry, curves in drawn
        for step, value in enumerate(curves.precision_at_recall)
    ]
    return Chart(
        name="precision-recall",
        title="Precision against recall",
        words=_words("Precision against recall at IoU 0.5", drawn),
        caption="At IoU 0.5, interpolated as COCO does, mean over classes." + _left_out(entries),
        spec=_lines(values, ("recall", "recall"), ("precision", "precision")),
    )


def f1_over_confidence(entries: Sequence[Entry]) -> Chart | None:
    """Return F1 over confidence at IoU 0.5; ``None`` where no row has its curves."""
    drawn = _drawn(entries)
    if not drawn:
        return None
    values = [
        {**_who(entry), "confidence": step / 100, "f1": round(value, 4)}
        for entry, curves in drawn
        for step, value in enumerate(curves.f1)
    ]
    return Chart(
        name="f1-confidence",
        title="F1 over confidence",
        words=_words("F1 over confidence at IoU 0.5", drawn),
        caption="What a threshold keeps, at IoU 0.5, all classes together." + _left_out(entries),
        spec=_lines(values, ("confidence", "confidence threshold"), ("f1", "F1")),
    )


def _drawn(entries: Sequence[Entry]) -> list[tuple[Entry, Curves]]:
    """Return the rows to draw: the baselines and what ships first, as many as there are hues."""
    found = [(e, e.row.curves) for e in entries if e.row.curves is not None]
    found.sort(key=lambda pair: not (pair[0].row.baseline or pair[0].shipped))
    return sorted(found[:MOST], key=lambda pair: pair[0].key)


def _who(entry: Entry) -> dict[str, Any]:
    return {"key": entry.key, "label": entry.label}


def _left_out(entries: Sequence[Entry]) -> str:
    others = sum(e.row.curves is not None for e in entries) - MOST
    return f" {others} more rows are not drawn." if others > 0 else ""


def _words(what: str, drawn: Sequence[tuple[Entry, Curves]]) -> str:
    each = [
        f"{e.label}: best F1 {max(c.f1):.2f} at {c.f1.index(max(c.f1)) / 100:.2f}" for e, c in drawn
    ]
    return f"{what}. " + "; ".join(each) + "."


def _lines(values: list[dict[str, Any]], x: tuple[str, str], y: tuple[str, str]) -> dict[str, Any]:
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
