from __future__ import annotations

from edgekit.report.charts.chart import draw
from edgekit.report.charts.spread import spread
from edgekit.report.entries import entries_of
from edgekit.report.schema import Verdict
from edgekit.report.speed import LatencyMs


def test_the_bar_holds_the_middle_half(report, make_row):
    quantiles = tuple(10 + q / 10 for q in range(101))
    latency = LatencyMs(
        p50=15, p90=19, p99=19.9, runs=500, pre_p50=1, post_p50=1, quantiles=quantiles
    )
    row = make_row("fp32", latency_ms=latency)
    verdict = Verdict(ship=None, because="Nothing.")
    chart = spread(entries_of([report.model_copy(update={"rows": (row,), "verdict": verdict})]))
    (value,) = chart.spec["data"]["values"]

    assert (value["q01"], value["q25"], value["q75"], value["q99"]) == (10.1, 12.5, 17.5, 19.9)
    assert chart.words == "Times of inference. fp32: half of the runs between 12.5 and 17.5 ms."
    assert "fp32" in draw(chart).svg


def test_a_report_without_quantiles_has_a_chart_all_the_same(report):
    chart = spread(entries_of([report]))

    assert [v["label"] for v in chart.spec["data"]["values"]] == ["fp32", "int8"]
    assert chart.words == "Times of inference. fp32: median 58.3 ms; int8: median 37.4 ms."
    assert chart.caption.endswith("no more than the median and what lies above it: 2.")


def test_rows_without_a_time_are_left_out(report):
    bare = report.model_copy(
        update={"rows": report.rows[2:], "verdict": Verdict(ship=None, because="Nothing.")}
    )

    assert spread(entries_of([bare])) is None
