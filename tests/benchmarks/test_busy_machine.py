import sys
from pathlib import Path

import psutil
import pytest

from edgekit.measure.latency import LatencyOptions
from edgekit.pipeline.opened import open_detector
from edgekit.pipeline.options import ModelOptions

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

import busy_machine
import render
import render_busy_machine


def run(state, fp32, int8, interval, disturbed=()):
    return {
        "state": state,
        "fp32": {"p50_ms": fp32},
        "int8": {"p50_ms": int8},
        "speedup_ci95": interval,
        "waited": 0.35 if state == "busy" else 0.004,
        "disturbed": disturbed,
    }


RUNS = [
    run("quiet", 10.0, 5.0, [1.9, 2.1]),
    run("busy", 20.0, 9.0, [2.0, 2.4], ["other programs used 1.0 of 2 cores"]),
    run("quiet", 10.4, 5.2, [1.9, 2.0]),
    run("busy", 21.0, 9.2, [2.1, 2.4], ["other programs used 1.0 of 2 cores"]),
]


def test_single_figures_and_ratios_are_set_side_by_side():
    lines = render_busy_machine.table({"models": {"digits": {"runs": RUNS}}})

    assert lines[3] == (
        "| digit detector, alone | 10.00 to 10.40 | 5.00 to 5.20 | 1.90 to 2.10, 1.90 to 2.00 "
        "| 0 to 0 % | 0 of 2 |"
    )
    assert lines[4].endswith("| 35 to 35 % | 2 of 2 |")
    assert "2.01 times as long in FP32 and 1.78 times in INT8" in lines[6]
    assert "in 1 of 2 pairs" in lines[6]
    assert render_busy_machine.table({}) == [""]
    assert "busy machine" in render.PARTS
    assert set(render_busy_machine.TITLES) == set(busy_machine.MODELS)


def test_the_other_program_is_there_only_meanwhile():
    before = {p.pid for p in psutil.Process().children()}

    with busy_machine.another_program():
        (pid,) = {p.pid for p in psutil.Process().children()} - before
        assert psutil.Process(pid).is_running()

    assert not psutil.pid_exists(pid)


@pytest.mark.slow
def test_quiet_and_busy_are_measured_in_turn():
    bundled = [open_detector(busy_machine.BUNDLED, ModelOptions(), n).candidate for n in "ab"]
    options = LatencyOptions(min_runs=5, min_seconds=0, pause_s=0)

    runs = busy_machine.measured(bundled, None, 1, options)

    assert [r["state"] for r in runs] == ["quiet", "busy"]
    assert all(r["speedup_ci95"][0] <= r["speedup"] <= r["speedup_ci95"][1] for r in runs)
    assert all(r["fp32"]["p50_ms"] > 0 for r in runs)
