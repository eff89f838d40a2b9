from __future__ import annotations

import pytest

from edgekit.report.charts.chart import draw
from edgekit.report.charts.curves import MOST, f1_over_confidence, precision_recall
from edgekit.report.entries import entries_of
from edgekit.report.quality import Curves
from edgekit.report.schema import Verdict


@pytest.fixture(scope="module")
def curves():
    f1 = tuple(0.8 if step == 31 else 0.1 for step in range(101))
    falling = tuple(1 - step / 100 for step in range(101))
    return Curves(precision_at_recall=falling, precision=f1, recall=falling, f1=f1)


def with_curves(report, make_row, curves, count):
    rows = tuple(
        make_row(f"row {n}", p50=10 + n, curves=curves, baseline=n == count - 1)
        for n in range(count)
    )
    return report.model_copy(
        update={"rows": rows, "verdict": Verdict(ship=None, because="Nothing.")}
    )


def test_both_curves_of_every_row_are_drawn(report, make_row, curves):
    entries = entries_of([with_curves(report, make_row, curves, 2)])
    pr, f1 = precision_recall(entries), f1_over_confidence(entries)

    assert len(pr.spec["data"]["values"]) == 2 * 101
    assert pr.spec["data"]["values"][25] == {
        "key": 0,
        "label": "row 0",
        "recall": 0.25,
        "precision": 0.75,
    }
    assert f1.words.endswith("row 0: best F1 0.80 at 0.31; row 1: best F1 0.80 at 0.31.")
    assert all("row 1" in draw(chart).svg for chart in (pr, f1))


def test_of_many_rows_the_baseline_is_drawn_and_the_rest_counted(report, make_row, curves):
    entries = entries_of([with_curves(report, make_row, curves, MOST + 3)])
    chart = precision_recall(entries)

    assert len({v["label"] for v in chart.spec["data"]["values"]}) == MOST
    assert f"row {MOST + 2}" in chart.words
    assert chart.caption.endswith("3 more rows are not drawn.")


def test_without_curves_there_is_no_chart(report):
    assert precision_recall(entries_of([report])) is None
    assert f1_over_confidence(entries_of([report])) is None
