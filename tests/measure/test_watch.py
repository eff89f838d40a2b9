"""What others take of the processor; a real busy process, and no bar on any time."""

import os
import subprocess
import sys
import time
from types import SimpleNamespace

import psutil
import pytest

from edgekit.measure import watch as module
from edgekit.measure.timing_worker import Block
from edgekit.measure.watch import Lap, Watch

BUSY = "import time; end = time.time() + 20\nwhile time.time() < end: pass"


@pytest.fixture
def busy_process():
    process = subprocess.Popen([sys.executable, "-c", BUSY])
    yield process
    process.kill()
    process.wait()


def test_another_program_is_seen_and_our_own_worker_is_not(busy_process):
    def others_during(watched):
        before = psutil.Process(busy_process.pid).cpu_times().user
        time.sleep(0.6)
        used = psutil.Process(busy_process.pid).cpu_times().user - before
        return watched.lap().others, used / 0.6

    stranger, used = others_during(Watch([]))
    ours, _ = others_during(Watch([busy_process.pid]))

    assert stranger > 0.5 * used
    assert ours < stranger


def test_what_a_candidate_uses_is_told_by_the_time_of_its_blocks(busy_process):
    watch = Watch([busy_process.pid])
    time.sleep(0.5)
    watch.add([Block((0.0,), (500.0,), (0.0,), None, 1)])

    lap = watch.lap()

    assert 0 < lap.own <= lap.cores
    assert watch.lap().own == 0


@pytest.mark.parametrize(
    ("others", "stolen", "own", "disturbed"),
    [
        (0.1, 0.0, 2.0, False),
        (0.5, 0.0, 2.0, True),
        (0.0, 0.5, 2.0, True),
        (0.9, 0.0, 1.0, False),
        (1.3, 0.0, 1.0, True),
    ],
)
def test_a_candidate_is_disturbed_when_it_has_fewer_cores_than_it_uses(
    others, stolen, own, disturbed
):
    assert Lap(others, stolen, own, cores=2, clock_mhz=None).disturbed is disturbed


def test_a_lap_is_due_after_half_a_second(monkeypatch):
    now = SimpleNamespace(s=0.0)
    monkeypatch.setattr(module.time, "perf_counter", lambda: now.s)
    watch = Watch([])

    now.s = 0.4
    early = watch.due
    now.s = 0.6

    assert (early, watch.due) == (False, True)


def test_a_worker_that_is_gone_is_no_failure_here(busy_process):
    watch = Watch([busy_process.pid, os.getpid()])
    busy_process.kill()
    busy_process.wait()

    assert watch.lap().others >= 0
