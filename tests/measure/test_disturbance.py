from dataclasses import replace

import numpy as np
import pytest

from edgekit.measure.disturbance import disturbances, drift
from edgekit.measure.watch import Lap

QUIET = Lap(others=0.05, stolen=0.0, own=2.0, waited=0.01, cores=2, clock_mhz=2400.0)
BUSY = Lap(others=1.2, stolen=0.0, own=0.8, waited=0.4, cores=2, clock_mhz=2400.0)
STOLEN = Lap(others=0.1, stolen=0.8, own=2.0, waited=0.01, cores=2, clock_mhz=None)


def slowing(laps, to_mhz):
    clocks = np.linspace(2400, to_mhz, len(laps))
    return [replace(lap, clock_mhz=mhz) for lap, mhz in zip(laps, clocks, strict=True)]


def test_a_quiet_run_is_not_marked():
    assert disturbances([QUIET] * 20, throttled=False) == ()


def test_other_programs_are_named_with_what_they_used():
    clauses = disturbances([QUIET] * 10 + [BUSY] * 10, throttled=False)

    assert clauses == ("other programs used 1.2 of 2 cores in 50% of the rounds",)


def test_a_moment_of_another_program_marks_nothing():
    assert disturbances([QUIET] * 18 + [BUSY] * 2, throttled=False) == ()


def test_cores_that_the_host_took_are_not_called_a_program():
    (clause,) = disturbances([STOLEN] * 10, throttled=False)

    assert clause.startswith("the host took 0.8 of 2 cores")


def test_throttling_and_a_falling_clock_are_told():
    laps = slowing([QUIET] * 30, to_mhz=1600)

    clauses = disturbances(laps, throttled=True)

    assert clauses[0] == "the processor throttled"
    assert clauses[1].startswith("the clock fell from 2")
    assert disturbances(slowing([QUIET] * 30, to_mhz=2350), throttled=False) == ()


def test_a_run_that_slows_down_is_told_and_by_how_much():
    rng = np.random.default_rng(0)
    steady = rng.normal(10, 0.3, 40)
    slower = steady * np.repeat([1.0, 1.3], 20)

    (clause,) = drift(slower.tolist())

    assert "longer in the second half" in clause
    assert 25 <= int(clause.split("%")[0].split()[-1]) <= 35
    assert "less time" in drift(slower[::-1].tolist())[0]
    assert drift(steady.tolist()) == ()


@pytest.mark.parametrize("spread", [0.02, 0.2, 0.5])
def test_times_that_only_scatter_are_hardly_ever_called_a_drift(spread):
    rng = np.random.default_rng(1)

    marked = [bool(drift(rng.lognormal(0, spread, 20).tolist())) for _ in range(500)]

    assert np.mean(marked) < 0.02


def test_a_few_rounds_tell_no_drift():
    assert drift([1.0, 1.0, 2.0, 2.0]) == ()
