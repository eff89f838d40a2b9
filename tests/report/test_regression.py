from __future__ import annotations

import math

import numpy as np
import pytest

from edgekit.report.regression import Baseline, difference_ci95, map_fall, slowdown, untimed


@pytest.fixture
def changed(report):
    """Return ``changed(name, **figures)``: the report with other figures in one row."""

    def change(name, **figures):
        rows = [r.model_copy(update=figures) if r.name == name else r for r in report.rows]
        return report.model_copy(update={"rows": tuple(rows)})

    return change


def against(now, then, name="int8"):
    return now.row(name), Baseline(then, then.row(name), now)


def timed(report, p90, ci95):
    return report.row("int8").latency_ms.model_copy(update={"p90": p90, "p90_ci95": ci95})


def test_the_fall_is_what_map_lost(report, changed):
    lower = changed("int8", map=0.3831, map_drop_points=1.49, map_drop_ci95=(0.6, 2.3))

    figure = map_fall(*against(lower, report))

    assert figure.value == pytest.approx(1.0)
    low, high = figure.ci95
    assert low == pytest.approx(1.0 - math.hypot(0.89, 0.87))
    assert high == pytest.approx(1.0 + math.hypot(0.81, 0.91))


def test_another_fp32_leaves_the_fall_without_an_interval(changed, report):
    other = changed("fp32", map=0.41)

    figure = map_fall(*against(report, other))

    assert (figure.value, figure.ci95) == (pytest.approx(0.0), None)
    assert "FP32 itself scores otherwise" in figure.no_interval


def test_fp32_that_ships_is_compared_too(report):
    figure = map_fall(*against(report, report, "fp32"))

    assert (figure.value, figure.ci95) == (0.0, (0.0, 0.0))


def test_a_loss_without_an_interval_gives_none(report, changed):
    assert map_fall(*against(report, changed("int8", map_drop_ci95=None))).ci95 is None


@pytest.mark.parametrize("then", [True, False])
def test_a_row_without_map_has_no_fall(report, changed, then):
    bare = changed("int8", map=None)

    figure = map_fall(*(against(report, bare) if then else against(bare, report)))

    assert figure.value is None
    assert ("the baseline's int8" in figure.rests_on) == then


def test_the_slowdown_is_a_ratio_with_its_interval(report, changed):
    then = changed("int8", latency_ms=timed(report, 40.0, (39.0, 41.0)))
    now = changed("int8", latency_ms=timed(report, 44.0, (43.0, 45.5)))

    figure = slowdown(*against(now, then))

    assert figure.value == pytest.approx(1.1)
    low, high = figure.ci95
    width = (
        math.hypot(math.log(44 / 43), math.log(41 / 40)),
        math.hypot(math.log(45.5 / 44), math.log(40 / 39)),
    )
    assert [low, high] == pytest.approx([1.1 * math.exp(-width[0]), 1.1 * math.exp(width[1])])
    assert "timed in runs apart" in figure.rests_on


@pytest.mark.parametrize("ci95", [None, (0.0, 41.0)])
def test_a_slowdown_without_both_intervals_has_none(report, changed, ci95):
    then = changed("int8", latency_ms=timed(report, 40.0, ci95))
    now = changed("int8", latency_ms=timed(report, 44.0, (43.0, 45.5)))

    assert slowdown(*against(now, then)).ci95 is None


def test_rows_without_a_measured_time_have_no_slowdown(report):
    row = report.row("trt")

    here = slowdown(row, Baseline(report, report.row("int8"), report))
    there = slowdown(report.row("int8"), Baseline(report, row, report))

    assert here.value is there.value is None
    assert here.rests_on == untimed(row)
    assert there.rests_on.startswith("the baseline's trt has no measured time")


def test_the_interval_of_a_difference_covers_what_it_says():
    rng = np.random.default_rng(5)
    spreads, z = (0.7, 0.4), 1.959964
    a, b = (rng.normal(m, s, 20_000) for m, s in zip((2.0, 1.5), spreads, strict=True))

    ends = [
        difference_ci95((x, (x - z * 0.7, x + z * 0.7)), (y, (y - z * 0.4, y + z * 0.4)))
        for x, y in zip(a, b, strict=True)
    ]

    low, high = np.array(ends).T
    assert np.mean((low <= 0.5) & (high >= 0.5)) == pytest.approx(0.95, abs=0.005)


def test_an_uneven_interval_reaches_furthest_where_its_parts_do():
    low, high = difference_ci95((1.0, (0.0, 5.0)), (0.0, (-3.0, 0.0)))

    assert (low, high) == (pytest.approx(0.0), pytest.approx(6.0))


def test_the_same_runs_differ_in_nothing(report):
    _, baseline = against(report, report)

    assert baseline.differences(scored=True, timed=True) == ()
    assert list(baseline.notes(report.row("int8"))) == []


@pytest.mark.parametrize(
    ("change", "scored", "clause"),
    [
        ({"target": "cpu"}, True, "its target cpu, here ort-cpu-int8"),
        ({"device": "Other CPU"}, False, "its device Other CPU, here Example CPU, 2 cores"),
        ({"data": ()}, True, "its evaluation images none, here val (112)"),
    ],
)
def test_what_forbids_to_compare_is_named(report, change, scored, clause):
    _, baseline = against(report, report.model_copy(update=change))

    assert clause in baseline.differences(scored=True, timed=True)
    assert (clause in baseline.differences(scored=True, timed=False)) == scored


def test_another_processor_under_the_same_name_forbids_to_compare_times(report):
    machine = report.provenance.machine | {"cores": 4}
    origin = report.provenance.model_copy(update={"machine": machine})
    _, baseline = against(report, report.model_copy(update={"provenance": origin}))

    assert baseline.differences(scored=True, timed=True) == ("its cores 4, here 2",)
    assert baseline.differences(scored=True, timed=False) == ()


def test_images_are_told_apart_by_content(report):
    def hashed(sha256):
        data = [use.model_copy(update={"sha256": sha256}) for use in report.data]
        return report.model_copy(update={"data": tuple(data)})

    _, other = against(hashed("a" * 64), hashed("b" * 64))
    _, same = against(hashed("a" * 64), hashed("a" * 64))

    (clause,) = other.differences(scored=True, timed=True)
    assert clause == (
        "its evaluation images val (112), sha256 bbbbbbbb, here val (112), sha256 aaaaaaaa"
    )
    assert same.differences(scored=True, timed=True) == ()


def test_another_model_and_other_versions_are_told(report):
    origin = report.provenance.model_copy(
        update={"versions": {"edgekit": "0.1.0", "onnxruntime": "1.0.0"}}
    )
    model = report.model.model_copy(update={"sha256": "cd" * 32})
    _, baseline = against(report, report.model_copy(update={"provenance": origin, "model": model}))

    assert list(baseline.notes(report.row("int8"))) == [
        "the model is another than the baseline's",
        "onnxruntime 1.2.3, the baseline had 1.0.0",
    ]


def test_other_settings_and_a_disturbed_baseline_are_told(report, changed):
    def with_threads(count):
        settings = f"OnnxRuntime(threads={count})"
        return report.row("int8").latency_ms.model_copy(update={"settings": settings})

    then = changed("int8", latency_ms=with_threads(2), disturbed=("a load of 5.1",))
    row, baseline = against(changed("int8", latency_ms=with_threads(4)), then)

    assert list(baseline.notes(row)) == [
        "timed with OnnxRuntime(threads=4), the baseline with OnnxRuntime(threads=2)",
        "the timing of the baseline was disturbed: a load of 5.1",
    ]
