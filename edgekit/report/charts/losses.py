"""Where in the data mAP is lost: a bar for each class and size, with its interval."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edgekit.report.cells import signed_points
from edgekit.report.charts.chart import Chart
from edgekit.report.charts.theme import ALARM, HUES, INK, STEP_PX, figure, name, number, told

if TYPE_CHECKING:
    from edgekit.report.entries import Entry
    from edgekit.report.loss import Group

MOST = 15


def losses(entry: Entry) -> Chart | None:
    """Return the chart of the classes and sizes that change most; ``None`` where none is sure.

    Groups with too few objects for an interval are left to the tables.
    """
    diagnosis = entry.row.diagnosis
    if diagnosis is None:
        return None
    values = [_value(group, "size") for group in diagnosis.sizes if group.lost]
    classes = [g for g in diagnosis.classes if g.lost]
    classes.sort(key=lambda g: -abs(g.lost.points if g.lost else 0.0))
    values += [_value(group, "class") for group in classes[:MOST]]
    if not values:
        return None
    what = "mAP" if diagnosis.labelled else "agreement"
    each = [f"{v['group']}: {v['text']}" for v in values]
    others = len(classes) - MOST
    more = f" {others} classes that change less are not drawn." if others > 0 else ""
    return Chart(
        name=f"loss-{entry.key}",
        title=f"Points of {what} lost by class and size",
        words=f"Points of {what} that {entry.label} loses. " + "; ".join(each) + ".",
        caption="Right of 0 is a loss against FP32, left a gain; a line is the 95 % interval."
        + more,
        spec=_spec(values, f"points of {what} lost"),
    )


def _value(group: Group, kind: str) -> dict[str, Any]:
    assert group.lost is not None
    low, high = group.lost.ci95
    return {
        "group": group.name if kind == "class" else f"{group.name} objects",
        "kind": kind,
        "lost": group.lost.points,
        "low": low,
        "high": high,
        "text": signed_points(group.lost.points, group.lost.ci95),
        "objects": str(group.objects),
    }


def _spec(values: list[dict[str, Any]], title: str) -> dict[str, Any]:
    y = name("group", title=None, sort=[v["group"] for v in values])
    return figure(
        values,
        data="losses",
        height={"step": STEP_PX},
        layer=[
            {
                "mark": {"type": "bar", "height": 10},
                "encoding": {
                    "x": number("lost", title=title),
                    "y": y,
                    "color": {
                        "condition": {"test": "datum.low > 0", "value": ALARM},
                        "value": HUES[0],
                    },
                    "tooltip": told(
                        ("group", "group"), ("text", "lost (95 %)"), ("objects", "objects")
                    ),
                },
            },
            {
                "mark": {"type": "rule", "color": INK},
                "encoding": {"x": number("low"), "x2": {"field": "high"}, "y": y},
            },
        ],
    )
