"""Latency of real tiny models in real processes; no bar on any time."""

from dataclasses import replace

import numpy as np
import psutil
import pytest

from edgekit.errors import ConfigError, StageError
from edgekit.measure.early_stopping import early_stopping_estimate
from edgekit.measure.latency import (
    LatencyOptions,
    LatencyResult,
    LatencyRun,
    for_a_report,
    measure_latency,
    speedup,
)
from edgekit.measure.machine import read_conditions
from edgekit.values import Latency

QUICK = LatencyOptions(min_runs=20, min_seconds=0, pause_s=0)


def test_two_candidates_are_timed_in_turn(detector, colour_images):
    pair = [detector("a"), detector("b", "u8-nhwc")]
    told = []

    run = measure_latency(pair, colour_images(3), QUICK, lambda *step: told.append(step))

    assert [r.name for r in run.results] == ["a", "b"]
    assert told[-1] == ("latency", 100, 100)
    for result in run.results:
        assert result.latency.runs == 20
        assert len(result.round_best_ms) == 4
        assert 0 < result.latency.p50 <= result.latency.p90 <= result.latency.p99
        assert result.fps > 0
        assert result.confidence == 0.25
        assert result.images == 3
        assert "threads=1" in result.settings
    ratio = speedup(*run.results)
    assert ratio.low <= ratio.value <= ratio.high


def test_all_that_is_asked_for_is_measured(detector):
    options = replace(QUICK, min_runs=70, streams=(1, 2), stream_seconds=0.02)
    told = []

    run = measure_latency([detector()], None, options, lambda *step: told.append(step))

    (result,) = run.results
    spread = result.spread
    assert told[-1] == ("throughput", 2, 2)
    assert [rate.streams for rate in result.throughput] == [1, 2]
    assert result.cold_start_ms > 0
    assert spread.p50_ci95[0] <= result.latency.p50 <= spread.p50_ci95[1]
    assert spread.p90_early_stopping >= result.latency.p90 > 0
    assert spread.quantiles[50] == pytest.approx(result.latency.p50)
    assert run.others_cores >= 0
    assert run.waited is None or 0 <= run.waited <= 1
    assert run.power


def test_rows_of_a_report_have_throughput_and_trials_take_no_time_for_it():
    assert LatencyOptions().streams == ()
    assert for_a_report().streams[0] == 1
    assert for_a_report((3,), repeat_disturbed=True).streams == (3,)
    assert for_a_report((3,), repeat_disturbed=True).repeat_disturbed


def test_the_usual_number_of_runs_is_enough_for_early_stopping():
    assert early_stopping_estimate([1.0] * LatencyOptions().min_runs) == 1.0


def test_fps_counts_what_lies_around_inference(detector):
    result = measure_latency([detector()], options=QUICK).results[0]

    latency = result.latency
    assert result.images == 0
    assert 1e3 / result.fps >= latency.p50
    assert latency.pre_p50 > 0
    assert latency.post_p50 > 0


def test_it_goes_on_until_the_time_is_spent_too(detector):
    options = LatencyOptions(min_runs=5, min_seconds=0.05, pause_s=0)

    result = measure_latency([detector()], options=options).results[0]

    assert result.latency.runs > 5


def test_a_speedup_is_the_median_of_paired_ratios():
    latency = Latency(p50=1, p90=1, p99=1, runs=1, pre_p50=1, post_p50=1)
    rounds = np.array([10.0, 30.0, 12.0, 11.0, 40.0])
    base = LatencyResult("a", latency, 1, tuple(rounds), None, 1, 1, 1, "", 0.25, 0)

    # Noise that hits both halves of a pair cancels.
    ratio = speedup(base, replace(base, round_best_ms=tuple(rounds / 2)))

    assert (ratio.value, ratio.low, ratio.high) == (2, 2, 2)


@pytest.mark.parametrize(("quiet", "ratio", "hold"), [(12, 2.0, True), (4, 3.0, False)])
def test_disturbed_rounds_count_for_a_speedup_only_where_others_are_too_few(quiet, ratio, hold):
    rounds = np.full(30, 10.0)
    faster = np.where(np.arange(30) < quiet, rounds / 2, rounds / 3)
    latency = Latency(p50=1, p90=1, p99=1, runs=1, pre_p50=1, post_p50=1)
    base = LatencyResult("a", latency, 1, tuple(rounds), None, 1, 1, 1, "", 0.25, 0)
    base = replace(base, quiet=tuple(bool(n < quiet) for n in range(30)))
    other = replace(base, name="b", round_best_ms=tuple(faster))
    conditions = read_conditions()
    run = LatencyRun((base, other), conditions, conditions, rounds_disturbed=1 - quiet / 30)

    assert speedup(base, other).value == ratio
    assert run.ratios_hold is hold


def test_candidates_of_one_name_are_refused(detector):
    with pytest.raises(ConfigError, match="different names"):
        measure_latency([detector("a"), detector("a")], options=QUICK)
    with pytest.raises(ConfigError, match="one or more"):
        measure_latency([], options=QUICK)


def test_an_interrupt_leaves_no_process_behind(detector):
    before = {p.pid for p in psutil.Process().children()}

    def interrupt(stage, done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        measure_latency([detector("a"), detector("b")], options=QUICK, progress=interrupt)

    assert {p.pid for p in psutil.Process().children()} == before


def test_one_that_cannot_be_opened_ends_the_others_too(detector, tmp_path):
    before = {p.pid for p in psutil.Process().children()}

    with pytest.raises(StageError, match=r"gone\.onnx"):
        measure_latency([detector("a"), detector("b", model=tmp_path / "gone.onnx")], options=QUICK)

    assert {p.pid for p in psutil.Process().children()} == before


def test_a_machine_that_throttled_meanwhile_invalidates_the_run(detector):
    run = measure_latency([detector()], options=QUICK)

    hotter = replace(run.after, throttle_events=run.before.throttle_events + 1)

    assert replace(run, after=hotter).throttled
    assert not replace(run, after=run.before).throttled


def test_every_two_candidates_are_compared_by_their_own_rounds(detector):
    run = measure_latency([detector("a"), detector("b"), detector("c")], options=QUICK)

    speedups = run.speedups()

    assert sorted(speedups) == [(x, y) for x in "abc" for y in "abc" if x != y]
    b, c = (next(r for r in run.results if r.name == name) for name in "bc")
    assert speedups["b", "c"] == speedup(b, c)
    assert speedups["c", "b"].value == pytest.approx(1 / speedups["b", "c"].value, rel=0.2)
