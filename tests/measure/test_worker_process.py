"""Real worker processes: what they answer, and how they end."""

import os
import time

import psutil
import pytest

from edgekit.errors import StageError
from edgekit.measure.timing_worker import Job
from edgekit.measure.worker_process import WorkerProcess


class DiesWhenOpened:
    """A backend whose worker is gone before it can answer, as with a crash in native code."""

    name = "broken"

    def __reduce__(self):
        return os.abort, ()


def test_a_worker_warms_up_and_answers_blocks(detector, colour_images):
    job = Job(detector(), colour_images(2).records)

    with WorkerProcess(job) as worker:
        ready = worker.warm_up()
        block = worker.time(3)

    assert ready.images == 2
    assert ready.load_ms > 0
    assert ready.cold_start_ms > 0
    assert ready.warmup_runs >= 10
    assert len(block.pre_ms) == len(block.infer_ms) == len(block.post_ms) == 3
    assert min(block.infer_ms) > 0
    assert block.threads >= 1


def test_a_worker_runs_streams_and_answers_blocks_after_them(detector):
    with WorkerProcess(Job(detector(), ())) as worker:
        worker.warm_up()
        rate = worker.run_streams(2, 0.02)
        block = worker.time(2)

    assert rate.streams == 2
    assert rate.fps > 0
    assert len(block.infer_ms) == 2


def test_without_readable_images_a_synthetic_one_is_used(detector, colour_images):
    records = colour_images(1).records
    records[0].path.write_text("no image")

    with WorkerProcess(Job(detector(), records)) as worker:
        ready = worker.warm_up()
        block = worker.time(2)

    assert ready.images == 0
    assert len(block.infer_ms) == 2


def test_a_process_that_is_up_takes_no_time_until_it_is_asked(detector):
    with WorkerProcess(Job(detector(), ())) as worker:
        worker.started()
        process = psutil.Process(worker.pid)
        before = process.cpu_times().user
        time.sleep(0.2)

        assert process.cpu_times().user - before < 0.1
        worker.started()
        assert worker.warm_up().load_ms > 0


def test_leaving_ends_the_process(detector):
    with WorkerProcess(Job(detector(), ())) as worker:
        worker.warm_up()
        process = psutil.Process(worker.pid)

    assert not process.is_running()


def test_an_error_of_the_worker_is_raised_here(detector, tmp_path):
    job = Job(detector(model=tmp_path / "gone.onnx"), ())

    with WorkerProcess(job) as worker, pytest.raises(StageError, match=r"gone\.onnx"):
        worker.warm_up()


def test_a_crash_names_the_candidate_and_what_was_said(detector):
    job = Job(detector("fragile", backend=DiesWhenOpened()), ())

    with WorkerProcess(job) as worker, pytest.raises(StageError) as caught:
        worker.warm_up()

    assert "'fragile'" in str(caught.value)
    assert "Fatal Python error: Aborted" in str(caught.value)


def test_a_worker_killed_between_blocks_is_a_stage_error(detector):
    with WorkerProcess(Job(detector(), ())) as worker:
        worker.warm_up()
        psutil.Process(worker.pid).kill()

        with pytest.raises(StageError, match="code -9"):
            worker.time(3)


def test_what_a_bug_prints_reaches_the_message(detector):
    with WorkerProcess(Job(detector(), ())) as worker:
        worker.warm_up()

        with pytest.raises(StageError, match="TypeError"):
            worker.time("three")
