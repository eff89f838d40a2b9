from __future__ import annotations

from dataclasses import replace

from edgekit.report.charts.chart import draw
from edgekit.report.charts.layers import MOST, layers
from edgekit.report.entries import entries_of
from edgekit.report.loss import LayerShare


def test_the_layers_that_cost_most_are_drawn_in_their_order(report):
    entry = entries_of([report])[1]
    found = tuple(LayerShare(layer=f"conv {n}", share=0.5 / (n + 1)) for n in range(20))
    chart = layers(
        replace(entry, key=1, row=entry.row.model_copy(update={"layers": found}), label="int8")
    )

    assert [v["layer"] for v in chart.spec["data"]["values"]] == [f"conv {n}" for n in range(MOST)]
    assert chart.words.startswith("Layers whose rounded results cost most in int8. conv 0: 50.0 %")
    assert "A forecast" in chart.caption
    assert "conv 11" in draw(chart).svg


def test_without_a_forecast_there_is_no_chart(report):
    assert layers(entries_of([report])[0]) is None
