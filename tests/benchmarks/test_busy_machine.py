import sys
from dataclasses import replace
from pathlib import Path

import psutil

from edgekit.measure.latency import LatencyResult, LatencyRun
from edgekit.measure.machine import read_conditions
from edgekit.values import Latency

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


def test_all_states_are_measured_in_turn(monkeypatch):
    asked = []
    conditions = read_conditions()
    latency = Latency(2.0, 2.5, 2.6, 20, 0.1, 0.1)
    fp32 = LatencyResult("fp32", latency, 1.0, (4.0, 8.0), None, 0.0, 1, 1, "", 0.25, 0)
    int8 = replace(fp32, name="int8", round_best_ms=(2.0, 4.0))

    def measured(pair, images, options):
        asked.append(options.repeat_disturbed)
        return LatencyRun((fp32, int8), conditions, conditions, waited=0.01)

    monkeypatch.setattr(busy_machine, "measure_latency", measured)

    runs = busy_machine.measured([], None, 1, busy_machine.OPTIONS)

    assert [r["state"] for r in runs] == list(busy_machine.STATES)
    assert asked == [False, False, True, False]
    assert all(r["speedup"] == 2.0 for r in runs)
    assert all(r["fp32"]["p50_ms"] == 2.0 for r in runs)
