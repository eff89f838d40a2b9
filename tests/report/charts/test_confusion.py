from __future__ import annotations

from dataclasses import replace

import pytest

from edgekit.report.charts.chart import draw
from edgekit.report.charts.confusion import MOST, confusion
from edgekit.report.entries import entries_of
from edgekit.report.quality import Confusion, ConfusionCell


def entry_with(report, cells):
    entry = entries_of([report])[0]
    found = Confusion(confidence=0.31, iou=0.5, cells=cells)
    return replace(entry, row=entry.row.model_copy(update={"confusion": found}), label="r")


def cell(truth, found, count):
    return ConfusionCell(truth=truth, found=found, count=count)


def test_a_cell_is_as_strong_as_its_share_of_the_objects(report):
    cells = (
        cell("cat", "cat", 6),
        cell("cat", "dog", 1),
        cell("cat", None, 3),
        cell(None, "dog", 4),
    )
    chart = confusion(entry_with(report, cells))
    values = {(v["truth"], v["found"]): v for v in chart.spec["data"]["values"]}

    assert values["cat", "dog"]["share"] == 0.1
    assert values["cat", "nothing"]["percent"] == "30 %"
    assert values["nothing", "dog"]["share"] == 1.0
    assert chart.words == "Classes taken for others. cat found as dog: 1."
    assert "nothing" in draw(chart).svg


def test_of_many_classes_those_that_are_mixed_up_most_are_shown(report):
    right = [cell(f"c{n:02}", f"c{n:02}", 50) for n in range(30)]
    wrong = [cell(f"c{n:02}", None, n) for n in range(1, 30)]
    chart = confusion(entry_with(report, (*right, *wrong)))
    truths = {v["truth"] for v in chart.spec["data"]["values"]}

    assert truths == {f"c{n:02}" for n in range(30 - MOST, 30)}
    assert f"The {MOST} classes" in chart.caption


@pytest.mark.parametrize("cells", [(), None])
def test_without_cells_there_is_no_matrix(report, cells):
    entry = entries_of([report])[0] if cells is None else entry_with(report, cells)

    assert confusion(entry) is None


def test_a_class_called_nothing_is_not_taken_for_none(report):
    cells = (cell("nothing", "nothing", 6), cell("nothing", None, 3), cell("(nothing)", "", 2))
    chart = confusion(entry_with(report, cells))
    values = {(v["truth"], v["found"]): v["count"] for v in chart.spec["data"]["values"]}

    assert values == {
        ("nothing", "nothing"): 6,
        ("nothing", "((nothing))"): 3,
        ("(nothing)", ""): 2,
    }
    assert chart.words == "Classes taken for others. (nothing) found as : 2."
