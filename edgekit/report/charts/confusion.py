"""Which classes are taken for which, as a matrix of those that are mixed up most."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from edgekit.report.charts.chart import Chart
from edgekit.report.charts.theme import ACCENT, FAINT, INK, figure, name, told

if TYPE_CHECKING:
    from edgekit.report.entries import Entry
    from edgekit.report.quality import Confusion, ConfusionCell

MOST = 14
CELL_PX = 30


def confusion(entry: Entry) -> Chart | None:
    """Return the matrix of one row; ``None`` where it has none."""
    found = entry.row.confusion
    if found is None or not found.cells:
        return None
    shown, nothing = _mixed_up(found), _nothing(found)
    values = [
        _value(cell, found, nothing)
        for cell in found.cells
        if {cell.truth, cell.found} <= {*shown, None}
    ]
    wrong = [c for c in found.cells if None not in {c.truth, c.found} and c.truth != c.found][:5]
    each = [f"{c.truth} found as {c.found}: {c.count}" for c in wrong]
    return Chart(
        name=f"confusion-{entry.key}",
        title=f"Confusion matrix: {entry.label}",
        words="Classes taken for others. " + ("; ".join(each) or "None") + ".",
        caption=(
            f"From confidence {found.confidence:.2f}, IoU {found.iou:g}. Down: what the object is; "
            "across: what it was found as. A cell is as strong as its share of the row's objects."
            + (
                f" The {MOST} classes that are mixed up most."
                if len(_classes(found)) > MOST
                else ""
            )
        ),
        spec=_spec(values, [*shown, nothing]),
    )


def _classes(found: Confusion) -> list[str]:
    return sorted({n for c in found.cells for n in (c.truth, c.found) if n is not None})


def _mixed_up(found: Confusion) -> list[str]:
    """Return the classes to show, by name: those that stand in most cells off the diagonal."""
    wrong: Counter[str] = Counter()
    for cell in found.cells:
        for side in (cell.truth, cell.found):
            if side is not None:
                wrong[side] += cell.count * (cell.truth != cell.found)
    return sorted(n for n, _ in sorted(wrong.items(), key=lambda kv: (-kv[1], kv[0]))[:MOST])


def _nothing(found: Confusion) -> str:
    """Return what stands for no object, and for none found: a name that no class has."""
    name, taken = "nothing", _classes(found)
    while name in taken:
        name = f"({name})"
    return name


def _value(cell: ConfusionCell, found: Confusion, nothing: str) -> dict[str, Any]:
    total = sum(c.count for c in found.cells if c.truth == cell.truth)
    return {
        "truth": nothing if cell.truth is None else cell.truth,
        "found": nothing if cell.found is None else cell.found,
        "count": cell.count,
        "text": str(cell.count),
        "share": round(cell.count / total, 4),
        "percent": f"{100 * cell.count / total:.0f} %",
    }


def _spec(values: list[dict[str, Any]], names: list[str]) -> dict[str, Any]:
    place = {
        "x": name(
            "found",
            title="found as",
            scale={"domain": names},
            axis={"labelAngle": -40, "grid": False, "orient": "bottom"},
        ),
        "y": name("truth", title="object", scale={"domain": names}),
    }
    strength = {
        "field": "share",
        "type": "quantitative",
        "scale": {"domain": [0, 1], "range": [0.06, 0.85]},
        "legend": None,
    }
    tip = told(
        ("truth", "object"),
        ("found", "found as"),
        ("text", "how often"),
        ("percent", "of its objects"),
    )
    return figure(
        values,
        data="confusion",
        width={"step": CELL_PX * 1.35},
        height={"step": CELL_PX},
        layer=[
            {
                "mark": {"type": "rect", "color": ACCENT, "stroke": FAINT},
                "encoding": {**place, "opacity": strength, "tooltip": tip},
            },
            {
                "mark": {"type": "text", "color": INK, "fontSize": 11},
                "encoding": {**place, "text": {"field": "text"}, "tooltip": tip},
            },
        ],
    )
