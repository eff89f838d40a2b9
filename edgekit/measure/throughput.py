"""Images per second with several under way at once."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import cycle, islice
from typing import TYPE_CHECKING

import numpy as np

from edgekit.config.host import read_host
from edgekit.measure.predict import Predictor
from edgekit.protocols import StreamsBackend

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edgekit.measure.candidate import Candidate
    from edgekit.values import Pixels

_BATCHES = 10
# Student's t for 95 %, by the number of batches.
_T95 = {4: 3.182, 5: 2.776, 6: 2.571, 7: 2.447, 8: 2.365, 9: 2.306, 10: 2.262}
_FEWEST_IMAGES = 4
_WARMUP_IMAGES = 2


@dataclass(frozen=True)
class StreamsJob:
    """What a worker is to run.

    Attributes:
        streams: How many images are under way at a time.
        seconds: For how long, at least.
    """

    streams: int
    seconds: float


@dataclass(frozen=True)
class Throughput:
    """Images per second of several streams together.

    Attributes:
        streams: How many images are under way at a time.
        fps: Images per second: preprocessing, inference and NMS.
        fps_ci95: Its 95 % interval; ``None`` with fewer than four images in a stream.
    """

    streams: int
    fps: float
    fps_ci95: tuple[float, float] | None


def default_streams() -> tuple[int, ...]:
    """Return one stream, and one for every core that this process may use."""
    return tuple(sorted({1, read_host().cores}))


def run_streams(
    candidate: Candidate, images: Sequence[Pixels], job: StreamsJob
) -> Throughput | None:
    """Return what ``candidate`` gets through; ``None`` on a runtime that cannot do it at once.

    Every stream is a thread that takes images from array to boxes, one after the other; they
    share one network.

    Args:
        candidate: The detector.
        images: ``(H, W, 3)`` each, to cycle through.
        job: How many streams, and how long.

    Raises:
        StageError: The runtime cannot open or run the model.
    """
    if not isinstance(candidate.backend, StreamsBackend):
        return None
    with ExitStack() as stack:
        opened = candidate.backend.open_streams(candidate.model, job.streams)
        predictors = [stack.enter_context(Predictor(candidate, session)) for session in opened]
        for predictor in predictors:  # here, so that what fails does so before the others start
            for image in islice(cycle(images), _WARMUP_IMAGES):
                predictor.detect(image)
        with ThreadPoolExecutor(job.streams) as threads:
            start = time.perf_counter()
            runs = [
                threads.submit(_stream, predictor, images, number, start + job.seconds)
                for number, predictor in enumerate(predictors)
            ]
            ends = [run.result() for run in runs]
    return throughput_of([[end - start for end in stream] for stream in ends])


def throughput_of(ends_s: Sequence[Sequence[float]]) -> Throughput:
    """Return the rate of streams that all began at zero.

    What ends after the first stream has ended ran beside fewer than all, and does not count.

    Args:
        ends_s: When each image was done, by stream, in seconds; at least one of each.

    Source:
        Law and Kelton, "Simulation Modeling and Analysis": the interval is that of the method of
        batch means, for images that follow each other are alike.
    """
    last = min(stream[-1] for stream in ends_s)
    counted = [[end for end in stream if end <= last] or list(stream[:1]) for stream in ends_s]
    fps = sum(len(stream) / stream[-1] for stream in counted)
    batches = min(_BATCHES, *(len(stream) for stream in counted))
    if batches < _FEWEST_IMAGES:
        return Throughput(len(ends_s), fps, None)
    rates = np.sum([_rates(stream, batches) for stream in counted], axis=0)
    margin = _T95[batches] * float(np.std(rates, ddof=1)) / batches**0.5
    return Throughput(len(ends_s), fps, (max(0.0, fps - margin), fps + margin))


def _rates(ends_s: Sequence[float], batches: int) -> list[float]:
    """Return images per second in each of as many parts, one after the other."""
    durations = np.diff(ends_s, prepend=0.0)
    return [len(part) / float(part.sum()) for part in np.array_split(durations, batches)]


def _stream(
    predictor: Predictor, images: Sequence[Pixels], first: int, until: float
) -> list[float]:
    """Return when each image was done, on the clock of ``time.perf_counter``."""
    ends: list[float] = []
    for image in islice(cycle(images), first, None):
        predictor.detect(image)
        ends.append(time.perf_counter())
        if ends[-1] >= until and len(ends) >= _FEWEST_IMAGES:
            break
    return ends
