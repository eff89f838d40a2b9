from dataclasses import replace

from edgekit.measure.latency import LatencyResult, LatencyRun
from edgekit.measure.machine import read_conditions
from edgekit.pipeline.conditions import conditions_of, timing_warnings
from edgekit.values import Latency

CALM = replace(read_conditions(), throttle_events=0)
QUIET = LatencyRun((), CALM, CALM, others_cores=0.1, waited=0.01, power="none")


def test_a_quiet_run_warns_of_nothing():
    assert timing_warnings(None) == ()
    assert timing_warnings(QUIET) == ()


def test_a_busy_machine_leaves_the_ratios_and_says_how_to_measure_again():
    clause = "other programs used 1.2 of 2 cores in 40% of the rounds"
    busy = replace(QUIET, disturbed=(clause,), rounds_disturbed=0.4)

    (warning,) = timing_warnings(busy)

    assert "used 1.2 of 2 cores" in warning
    assert "the ratios, of paired rounds that were left alone, hold" in warning
    assert "--repeat-disturbed" in warning


def test_a_machine_that_was_busy_most_of_the_time_leaves_nothing():
    clause = "other programs used 1.2 of 2 cores in 90% of the rounds"
    timed = LatencyResult(
        "a", Latency(1, 1, 1, 10, 0, 0), 1, (1.0,) * 10, None, 1, 1, 1, "", 0.25, 0
    )
    alone = replace(timed, quiet=(True,) + (False,) * 9)
    busy = replace(QUIET, results=(alone,), disturbed=(clause,), rounds_disturbed=0.9)

    assert "of a busy machine, and so are the ratios." in timing_warnings(busy)[0]


def test_a_machine_that_throttled_makes_times_invalid():
    hot = replace(CALM, throttle_events=1)
    run = LatencyRun((), CALM, hot, disturbed=("the processor throttled",))

    assert timing_warnings(run)[0].startswith("The times are not valid: the processor throttled")


def test_conditions_are_told_before_and_after_with_what_happened_between():
    facts = conditions_of(replace(QUIET, after=replace(CALM, clock_max_mhz=1800.0)))

    assert facts["clock_max_mhz_before"] == CALM.clock_max_mhz
    assert facts["clock_max_mhz_after"] == 1800.0
    assert (facts["other_programs_cores"], facts["power"]) == (0.1, "none")
    assert facts["waited_for_a_core"] == 0.01
