from __future__ import annotations

from dataclasses import replace

from edgekit.report.charts.chart import draw
from edgekit.report.charts.losses import MOST, losses
from edgekit.report.entries import entries_of
from edgekit.report.loss import Group, Lost


def entry_of(report, name, **changes):
    entry = next(e for e in entries_of([report]) if e.row.name == name)
    diagnosis = entry.row.diagnosis.model_copy(update=changes)
    row = entry.row.model_copy(update={"diagnosis": diagnosis})
    return replace(entry, row=row)


def test_groups_with_an_interval_are_drawn(report):
    entry = entry_of(report, "int8")
    chart = losses(entry)

    assert chart.name == f"loss-{entry.key}"
    assert [v["group"] for v in chart.spec["data"]["values"]] == ["small objects", "per|son"]
    assert "per|son: 0.5 (−0.7 to 1.6)" in chart.words
    assert "small objects" in draw(chart).svg


def test_of_many_classes_those_that_change_most_are_drawn(report):
    many = tuple(
        Group(
            name=f"c{n}",
            objects=99,
            images=50,
            fp32=0.5,
            here=0.5,
            lost=Lost(points=n - 9, ci95=(n - 10, n - 8)),
        )
        for n in range(20)
    )
    chart = losses(entry_of(report, "int8", classes=many))
    drawn = [v["group"] for v in chart.spec["data"]["values"]]

    assert drawn[1:4] == ["c19", "c0", "c18"]
    assert len(drawn) == 1 + MOST
    assert chart.caption.endswith("5 classes that change less are not drawn.")


def test_without_a_diagnosis_or_a_sure_group_there_is_no_chart(report):
    assert losses(entries_of([report])[0]) is None
    assert losses(entry_of(report, "int8", classes=(), sizes=())) is None
