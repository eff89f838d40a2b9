"""What others take of the processor; a real busy process, and no bar on any time."""

import os
import subprocess
import sys
import time
from types import SimpleNamespace

import psutil
import pytest

from edgekit.measure import watch as module
from edgekit.measure.watch import Lap, Watch, waited_s

BUSY = "import time; end = time.time() + 20\nwhile time.time() < end: pass"


@pytest.fixture
def busy_process():
    process = subprocess.Popen([sys.executable, "-c", BUSY])
    yield process
    process.kill()
    process.wait()


def test_another_program_is_seen_and_our_own_worker_is_not(busy_process):
    stranger, ours = Watch([]), Watch([busy_process.pid])
    before = psutil.Process(busy_process.pid).cpu_times().user
    time.sleep(0.6)
    used = (psutil.Process(busy_process.pid).cpu_times().user - before) / 0.6
    seen, known = stranger.lap(), ours.lap()

    assert seen.others > 0.5 * used
    assert seen.own == 0
    assert known.own > 0.5 * used
    assert seen.others - known.others == pytest.approx(known.own, abs=0.15)


@pytest.mark.parametrize(
    ("others", "stolen", "own", "waited", "disturbed"),
    [
        (0.1, 0.0, 2.0, 0.3, False),
        (1.2, 0.0, 0.8, 0.4, True),
        (0.9, 0.0, 1.0, 0.02, False),
        (0.0, 0.5, 1.5, 0.0, True),
        (1.2, 0.0, 0.8, None, True),
        (0.9, 0.0, 0.5, None, False),
    ],
)
def test_a_candidate_is_disturbed_when_it_waits_for_others(others, stolen, own, waited, disturbed):
    assert Lap(others, stolen, own, waited, cores=2, clock_mhz=None).disturbed is disturbed


def test_waiting_is_summed_over_the_threads_of_a_process(tmp_path):
    for thread, line in enumerate(("1000 2000000000 3", "5 500000000 1")):
        folder = tmp_path / "7" / "task" / str(thread)
        folder.mkdir(parents=True)
        (folder / "schedstat").write_text(line)

    assert waited_s(7, tmp_path) == pytest.approx(2.5)
    assert waited_s(8, tmp_path) is None


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells who waited")
def test_two_on_one_core_are_seen_to_wait(busy_process):
    core = min(os.sched_getaffinity(0))
    other = subprocess.Popen([sys.executable, "-c", BUSY])
    try:
        for pid in (busy_process.pid, other.pid):
            os.sched_setaffinity(pid, {core})
        watch = Watch([busy_process.pid])
        time.sleep(0.6)
        lap = watch.lap()
    finally:
        other.kill()
        other.wait()

    assert lap.waited > 0.2
    assert 0 < lap.own < 0.9
    assert lap.disturbed


def test_a_lap_is_due_when_there_is_something_to_tell(monkeypatch):
    now = SimpleNamespace(s=0.0)
    monkeypatch.setattr(module.time, "perf_counter", lambda: now.s)
    watch = Watch([])

    now.s = 0.05
    early = watch.due
    now.s = 0.15

    assert (early, watch.due) == (False, True)


def test_a_worker_that_is_gone_is_no_failure_here(busy_process):
    watch = Watch([busy_process.pid, os.getpid()])
    busy_process.kill()
    busy_process.wait()

    assert watch.lap().others >= 0
