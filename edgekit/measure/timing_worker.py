"""The process that times one candidate: started by ``WorkerProcess``.

It reads a pickled ``Job`` and then sizes of blocks, or ``StreamsJob``, from stdin and answers on
what was its stdout, so that whatever a runtime prints goes to stderr. It ends when stdin does: a
parent that dies leaves no worker behind.
"""

from __future__ import annotations

import os
import pickle
import sys
import time
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
import psutil

from edgekit.errors import EdgekitError
from edgekit.images.letterbox import letterbox
from edgekit.images.read import read_image
from edgekit.measure.predict import Predictor
from edgekit.measure.throughput import StreamsJob, run_streams

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from edgekit.measure.candidate import Candidate
    from edgekit.values import ImageRecord, Pixels

_SYNTHETIC_HW = (480, 640)
_WARMUP_BLOCK = 5
_WARMUP_CLOSE = 0.05
_WARMUP_MAX_RUNS = 100
_WARMUP_MAX_SECONDS = 10.0


@dataclass(frozen=True)
class Job:
    """What a worker is to time.

    Attributes:
        candidate: The detector, at the confidence it is deployed with.
        records: Images to cycle through; none gives one synthetic image.
    """

    candidate: Candidate
    records: tuple[ImageRecord, ...]


@dataclass(frozen=True)
class Ready:
    """A worker that is warm.

    Attributes:
        load_ms: Opening the model.
        cold_start_ms: The first image after that, from array to boxes.
        warmup_runs: Runs before two blocks in a row took the same time.
        images: Real images it cycles through.
    """

    load_ms: float
    cold_start_ms: float
    warmup_runs: int
    images: int


@dataclass(frozen=True)
class Block:
    """Times of one block of runs in milliseconds, and what the process has taken so far.

    Attributes:
        pre_ms: Image array to letterboxed u8, per run.
        infer_ms: Letterboxed u8 to boxes before NMS, per run.
        post_ms: NMS and mapping back, per run.
        peak_memory_bytes: Largest resident memory of the process; ``None`` where unknown.
        threads: Threads of the process.
    """

    pre_ms: tuple[float, ...]
    infer_ms: tuple[float, ...]
    post_ms: tuple[float, ...]
    peak_memory_bytes: int | None
    threads: int


def main() -> None:
    """Serve one parent until it closes the pipe."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    requests = sys.stdin.buffer
    _answer(answers, None)  # all imported: from here on it takes time only when asked
    try:
        _serve(pickle.load(requests), requests, answers)  # noqa: S301 our own parent wrote it
    except EOFError:
        pass
    except EdgekitError as err:
        _answer(answers, err)


def _serve(job: Job, requests: BinaryIO, answers: BinaryIO) -> None:
    real = _readable(job.records)
    images = real or [synthetic_image()]
    start = time.perf_counter()
    with Predictor(job.candidate) as predictor:
        load_ms = _since(start)
        runs = _runs(predictor, job.candidate, images)
        cold_start_ms = sum(next(runs))
        _answer(answers, Ready(load_ms, cold_start_ms, warm_up(runs), len(real)))
        while True:
            asked: int | StreamsJob = pickle.load(requests)  # noqa: S301 our own parent wrote it
            if isinstance(asked, StreamsJob):
                _answer(answers, run_streams(job.candidate, images, asked))
            else:
                _answer(answers, _block([next(runs) for _ in range(asked)]))


def _runs(
    predictor: Predictor, candidate: Candidate, images: list[Pixels]
) -> Iterator[tuple[float, float, float]]:
    """Yield milliseconds before, in and after inference, one image after the other, for ever."""
    for image in cycle(images):
        start = time.perf_counter()
        placed = letterbox(image, candidate.preprocess)
        ready = time.perf_counter()
        boxes = predictor.infer(placed.pixels)
        inferred = time.perf_counter()
        predictor.finish(boxes, placed.placement)
        done = time.perf_counter()
        yield (ready - start) * 1e3, (inferred - ready) * 1e3, (done - inferred) * 1e3


def warm_up(runs: Iterator[tuple[float, float, float]]) -> int:
    """Return how many runs it took until two blocks in a row had the same median."""
    start = time.perf_counter()
    last, count = 0.0, 0
    while count < _WARMUP_MAX_RUNS and _since(start) < _WARMUP_MAX_SECONDS * 1e3:
        median = float(np.median([next(runs)[1] for _ in range(_WARMUP_BLOCK)]))
        count += _WARMUP_BLOCK
        if abs(median - last) <= _WARMUP_CLOSE * last:
            break
        last = median
    return count


def _block(runs: list[tuple[float, float, float]]) -> Block:
    pre, infer, post = zip(*runs, strict=True)
    return Block(pre, infer, post, peak_memory_bytes(), psutil.Process().num_threads())


def _readable(records: Sequence[ImageRecord]) -> list[Pixels]:
    read = [read_image(record).pixels_rgb for record in records]
    return [image for image in read if image is not None]


def synthetic_image() -> Pixels:
    """Return a ``(480, 640, 3)`` image of coloured noise, the same every time."""
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (*_SYNTHETIC_HW, 3), np.uint8)


def peak_memory_bytes() -> int | None:
    """Return the largest resident memory this process had; ``None`` where it is not told.

    Not ``getrusage``: on Linux it starts from the parent's figure.
    """
    status = Path("/proc/self/status")
    if status.exists():
        lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return int(lines["VmHWM"].split()[0]) * 1024
    peak: int | None = getattr(psutil.Process().memory_info(), "peak_wset", None)
    return peak


def _answer(answers: BinaryIO, value: object) -> None:
    pickle.dump(value, answers)
    answers.flush()


def _since(start: float) -> float:
    return (time.perf_counter() - start) * 1e3
