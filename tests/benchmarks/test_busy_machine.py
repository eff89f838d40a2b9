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


def run(state, fp32, interval, waited=0.004, disturbed=()):
    return {
        "state": state,
        "fp32": {"p50_ms": fp32, "p90_ms": fp32 + 1},
        "int8": {"p50_ms": fp32 / 2},
        "speedup": sum(interval) / 2,
        "speedup_ci95": interval,
        "waited": waited,
        "disturbed": disturbed,
    }


def test_every_state_is_set_beside_the_quiet_one():
    marked = ["other programs used 1.0 of 2 cores"]
    runs = [
        run("quiet", 10.0, [1.9, 2.1]),
        run("bursts", 11.0, [2.0, 2.4], 0.1),
        run("bursts, repeated", 10.1, [1.9, 2.1]),
        run("always", 20.0, [2.2, 2.4], 0.5, marked),
        run("quiet", 10.4, [1.9, 2.0]),
        run("bursts", 12.0, [2.1, 2.4], 0.2, marked),
        run("bursts, repeated", 10.2, [1.9, 2.1]),
        run("always", 21.0, [2.2, 2.4], 0.5, marked),
    ]

    lines = render_busy_machine.table({"models": {"digits": {"runs": runs}}})

    assert lines[3] == (
        "| digit detector, alone | 10.00 to 10.40 | 11.00 to 11.40 | 5.00 to 5.20 "
        "| 2.00 (1.90 to 2.10) |  | 0 to 0 % | 0 of 2 |"
    )
    assert lines[4].endswith("| 2.25 (2.10 to 2.40) | 1 of 2 | 10 to 20 % | 1 of 2 |")
    assert lines[6].endswith("| 2.30 (2.20 to 2.40) | 0 of 2 | 50 to 50 % | 2 of 2 |")
    assert render_busy_machine.table({}) == [""]
    assert "busy machine" in render.PARTS
    assert set(render_busy_machine.TITLES) == set(busy_machine.MODELS)
    assert set(render_busy_machine.STATES) == set(busy_machine.STATES)


def test_the_other_program_is_there_only_meanwhile():
    before = {p.pid for p in psutil.Process().children()}

    with busy_machine.another_program(busy_machine.BURSTS):
        (pid,) = {p.pid for p in psutil.Process().children()} - before
        assert psutil.Process(pid).is_running()

    assert not psutil.pid_exists(pid)
    with busy_machine.another_program(None):
        assert {p.pid for p in psutil.Process().children()} == before


@pytest.mark.slow
def test_all_states_are_measured_in_turn(monkeypatch):
    few = {state: busy_machine.STATES[state] for state in ("quiet", "bursts, repeated")}
    monkeypatch.setattr(busy_machine, "STATES", few)
    bundled = [open_detector(busy_machine.BUNDLED, ModelOptions(), n).candidate for n in "ab"]
    options = LatencyOptions(min_runs=5, min_seconds=0, pause_s=0)

    runs = busy_machine.measured(bundled, None, 1, options)

    assert [r["state"] for r in runs] == list(few)
    assert all(r["speedup_ci95"][0] <= r["speedup"] <= r["speedup_ci95"][1] for r in runs)
    assert all(r["fp32"]["p50_ms"] > 0 for r in runs)
