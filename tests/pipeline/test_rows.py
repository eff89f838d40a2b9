from dataclasses import replace
from types import SimpleNamespace

import pytest

from edgekit.backends.coverage import Coverage, FloatNode
from edgekit.measure.accuracy import Detections
from edgekit.measure.latency import LatencyResult
from edgekit.measure.percentiles import spread_of
from edgekit.measure.power import EnergyUse
from edgekit.measure.throughput import Throughput
from edgekit.pipeline.opened import open_detector
from edgekit.pipeline.options import ModelOptions
from edgekit.pipeline.rows import Entry, Scores, measured_row, score_entries, simulated_row
from edgekit.protocols import silent
from edgekit.values import Latency


def timed(name, p50, rounds):
    return LatencyResult(
        name=name,
        latency=Latency(p50, p50 + 1, p50 + 2, 30, 0.5, 0.25),
        fps=1e3 / (p50 + 0.75),
        round_best_ms=rounds,
        peak_memory_bytes=1024,
        load_ms=2.0,
        warmup_runs=10,
        threads=3,
        settings="OnnxRuntime()",
        confidence=0.25,
        images=2,
    )


@pytest.fixture
def entry(tiny):
    opened = open_detector(tiny.model, ModelOptions(), "mine")
    return Entry(opened.candidate, opened.precision)


def test_the_baseline_has_no_speedup_and_what_is_not_known_is_null(entry):
    mine = timed("mine", 2.0, (2.0,) * 6)

    row = measured_row(replace(entry, baseline=True), None, mine, mine)

    assert row.status == "measured"
    assert (row.speedup, row.speedup_ci95, row.map, row.agreement, row.images) == (None,) * 4 + (0,)
    assert (row.latency_ms.p50, row.latency_ms.p90, row.latency_ms.p99) == (2.0, 3.0, 4.0)
    assert (row.latency_ms.pre_p50, row.latency_ms.post_p50) == (0.5, 0.25)
    assert row.size_bytes == entry.candidate.model.stat().st_size
    assert row.input_hw == (64, 64)


def test_all_that_was_timed_is_in_the_row(entry):
    mine = replace(
        timed("mine", 2.0, (2.0,) * 6),
        cold_start_ms=7.0,
        spread=spread_of([[2.0, 2.5]] * 40),
        throughput=(Throughput(2, 700.0, (690.0, 710.0)), Throughput(4, 800.0, None)),
        energy=EnergyUse(30.0, 15.0, "RAPL"),
        disturbed=("the processor throttled",),
    )

    row = measured_row(entry, None, mine, mine)

    assert (row.latency_ms.load_ms, row.latency_ms.cold_start_ms) == (2.0, 7.0)
    assert row.latency_ms.p50_ci95 == (2.0, 2.5)
    assert row.latency_ms.p90_early_stopping == 2.5
    assert row.latency_ms.p99_ci95 is None
    assert len(row.latency_ms.quantiles) == 101
    assert [(t.streams, t.fps, t.fps_ci95) for t in row.throughput] == [
        (2, 700.0, (690.0, 710.0)),
        (4, 800.0, None),
    ]
    assert (row.energy.mj_per_frame, row.energy.mean_w, row.energy.source) == (30.0, 15.0, "RAPL")
    assert row.disturbed == ("the processor throttled",)


def test_the_speedup_is_the_median_of_paired_ratios(entry):
    base = timed("base", 9.0, (4.0, 40.0, 4.0, 6.0, 4.0, 4.0))
    mine = timed("mine", 1.0, (2.0, 20.0, 2.0, 2.0, 2.0, 2.0))

    row = measured_row(entry, None, mine, base)

    assert row.speedup == 2.0
    assert row.speedup_ci95[0] <= 2.0 <= row.speedup_ci95[1] <= 3.0


def test_what_runs_in_float_is_listed_with_its_reason(entry):
    node = FloatNode("Conv_9", 0.2, "its output is a box")
    coverage = Coverage(8, (node,), 0.8, {"QLinearConv": 8})
    int8 = Entry(entry.candidate, "int8", coverage=coverage)

    part = simulated_row(int8, None, "run elsewhere").coverage

    assert (part.convs_int8, part.convs_float, part.mac_share_int8) == (8, 1, 0.8)
    assert part.left_float[0].reason == "its output is a box"


def test_a_model_agrees_with_itself_and_loses_nothing(entry, scored, tiny):
    twin = Entry(open_detector(tiny.model, ModelOptions(), "twin").candidate, "fp32", baseline=True)

    scores = score_entries([entry, twin], scored, (3, 7, 9), silent)

    assert scores["twin"].drop is None
    assert scores["twin"].agreement is None
    assert scores["mine"].drop.value == 0
    assert scores["mine"].agreement == pytest.approx(1, abs=0.01)
    assert scores["mine"].accuracy.map == scores["twin"].accuracy.map


def test_the_figures_of_the_scores_are_those_of_the_row(entry, scored):
    base = Entry(entry.candidate, "fp32", baseline=True)
    scores = score_entries([base], scored, (3, 7, 9), silent)["mine"]

    row = simulated_row(base, scores, "run elsewhere")

    figures = scores.accuracy
    assert (row.map, row.map50, row.map75) == (figures.map, figures.map50, figures.map75)
    assert vars(row.detection) == vars(figures.detection)
    assert row.ap_per_class == figures.per_class
    assert vars(row.recall) == vars(figures.recall)
    assert row.curves.recall == pytest.approx(figures.curves.recall, abs=1e-5)
    assert [p is None for p in row.curves.precision] == [
        p is None for p in figures.curves.precision
    ]
    assert {c.truth for c in row.confusion.cells} <= {*figures.per_class, None}
    assert sum(c.count for c in row.confusion.cells if c.truth) == scored_objects(scored)
    assert row.images == 10


def scored_objects(dataset):
    return sum(len(r.truth.categories) for r in dataset.records)


def test_without_labels_there_is_agreement_alone(entry, scored):
    base = Entry(entry.candidate, "fp32", baseline=True)
    other = Entry(SimpleNamespace(**vars(entry.candidate) | {"name": "other"}), "fp32")

    scores = score_entries([base, other], scored, None, silent)

    assert (scores["other"].accuracy, scores["other"].drop) == (None, None)
    assert scores["other"].agreement == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize(("scored", "status"), [(True, "simulated"), (False, "not-run")])
def test_a_row_from_another_device_has_a_reason_and_no_times(entry, scored, status):
    scores = Scores(Detections("mine", {}), None, None, 0.9) if scored else None

    row = simulated_row(entry, scores, "run on a laptop, not on a Raspberry Pi")

    assert (row.status, row.reason) == (status, "run on a laptop, not on a Raspberry Pi")
    assert (row.latency_ms, row.fps, row.speedup, row.peak_memory_bytes) == (None,) * 4
    assert row.size_bytes == entry.candidate.model.stat().st_size
