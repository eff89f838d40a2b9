"""How fast detectors are: several candidates timed in turn, each in a process of its own."""

from __future__ import annotations

import itertools
import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from edgekit.errors import ConfigError
from edgekit.measure.machine import Conditions, read_conditions
from edgekit.measure.sampling import spread
from edgekit.measure.statistics import median_interval
from edgekit.measure.timing_worker import Block, Job, Ready
from edgekit.measure.worker_process import WorkerProcess
from edgekit.protocols import silent
from edgekit.values import Interval, Latency

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edgekit.measure.candidate import Candidate
    from edgekit.protocols import Progress
    from edgekit.values import Dataset


@dataclass(frozen=True)
class LatencyOptions:
    """How long to measure, and how.

    Attributes:
        min_runs: Runs of each candidate, at least.
        min_seconds: Time each candidate gets, at least, the pauses before its blocks included.
        block_runs: Runs of one candidate before the next has its turn.
        pause_s: Silence between blocks, for the last runtime's threads to stop spinning.
        confidence: Threshold the detectors run at, in 0..1.
        images: Images to cycle through, at most.
    """

    min_runs: int = 100
    min_seconds: float = 2.0
    block_runs: int = 5
    pause_s: float = 0.05
    confidence: float = 0.25
    images: int = 8


@dataclass(frozen=True)
class LatencyResult:
    """What one candidate took.

    Attributes:
        name: The candidate's.
        latency: Percentiles over all runs.
        fps: Images per second end to end: before, in and after inference.
        round_p50_ms: Median inference time of each round; rounds of candidates timed together
            are pairs.
        peak_memory_bytes: Largest resident memory of its process; ``None`` where unknown.
        load_ms: Opening the model.
        warmup_runs: Runs before the times were stable.
        threads: Threads of its process, the runtime's among them.
        settings: The runtime's settings.
        confidence: Threshold it ran at, in 0..1.
        images: Real images it cycled through; 0 is one synthetic image.
    """

    name: str
    latency: Latency
    fps: float
    round_p50_ms: tuple[float, ...]
    peak_memory_bytes: int | None
    load_ms: float
    warmup_runs: int
    threads: int
    settings: str
    confidence: float
    images: int


@dataclass(frozen=True)
class LatencyRun:
    """Candidates timed in turn, and the machine's state around it.

    Attributes:
        results: One per candidate, in the order given.
        before: State of the machine when the first block started.
        after: State when the last block ended.
    """

    results: tuple[LatencyResult, ...]
    before: Conditions
    after: Conditions

    @property
    def throttled(self) -> bool:
        """Whether the machine slowed itself down meanwhile: then the figures are not valid."""
        return self.after.throttle_events > self.before.throttle_events

    def speedups(self) -> dict[tuple[str, str], Interval]:
        """Return, for two candidates by name, how many times as fast as the first the second is."""
        both = itertools.permutations(self.results, 2)
        return {(base.name, other.name): speedup(base, other) for base, other in both}


def measure_latency(
    candidates: Sequence[Candidate],
    dataset: Dataset | None = None,
    options: LatencyOptions | None = None,
    progress: Progress = silent,
) -> LatencyRun:
    """Return the single-stream latency of ``candidates``, timed in turn: A B A B.

    Args:
        candidates: Detectors with different names.
        dataset: Images to run on; ``None`` runs on one synthetic image.
        options: How long to measure, and how.
        progress: Told after every round.

    Raises:
        ConfigError: Two candidates share a name.
        EdgekitError: A candidate could not be opened or run, or its process died.
    """
    options = options or LatencyOptions()
    _require_distinct(candidates)
    records = spread(dataset.records, options.images) if dataset else ()
    deployed = [c.at_confidence(options.confidence) for c in candidates]
    with ExitStack() as stack:
        workers = [stack.enter_context(WorkerProcess(Job(c, records))) for c in deployed]
        ready = [worker.warm_up() for worker in workers]
        before = read_conditions()
        rounds = _take_turns(workers, options, progress)
        after = read_conditions()
    results = tuple(
        _result(candidate, warm, blocks)
        for candidate, warm, blocks in zip(deployed, ready, zip(*rounds, strict=True), strict=True)
    )
    return LatencyRun(results, before, after)


def speedup(base: LatencyResult, other: LatencyResult) -> Interval:
    """Return how many times faster ``other`` is: median of the paired ratios, 95 % interval.

    Both come from one ``measure_latency``, so that their rounds are pairs.
    """
    pairs = zip(base.round_p50_ms, other.round_p50_ms, strict=True)
    return median_interval([slow / fast for slow, fast in pairs])


def _take_turns(
    workers: Sequence[WorkerProcess], options: LatencyOptions, progress: Progress
) -> list[list[Block]]:
    """Return blocks by round and worker."""
    rounds: list[list[Block]] = []
    spent_ms = [0.0] * len(workers)
    while True:
        blocks = []
        for index, worker in enumerate(workers):
            time.sleep(options.pause_s)
            blocks.append(worker.time(options.block_runs))
            # Without the pauses a network of half a millisecond would take minutes.
            spent_ms[index] += 1e3 * options.pause_s + sum(blocks[-1].infer_ms)
        rounds.append(blocks)
        share = _share_done(len(rounds) * options.block_runs, min(spent_ms), options)
        progress("latency", int(100 * share), 100)
        if share >= 1:
            return rounds


def _share_done(runs: int, spent_ms: float, options: LatencyOptions) -> float:
    seconds = spent_ms / 1e3 / options.min_seconds if options.min_seconds else 1.0
    return min(1.0, runs / options.min_runs, seconds)


def _result(candidate: Candidate, ready: Ready, blocks: Sequence[Block]) -> LatencyResult:
    pre = np.concatenate([b.pre_ms for b in blocks])
    infer = np.concatenate([b.infer_ms for b in blocks])
    post = np.concatenate([b.post_ms for b in blocks])
    p50, p90, p99 = np.percentile(infer, (50, 90, 99)).tolist()
    return LatencyResult(
        name=candidate.name,
        latency=Latency(p50, p90, p99, len(infer), float(np.median(pre)), float(np.median(post))),
        fps=1e3 / float(np.median(pre + infer + post)),
        round_p50_ms=tuple(float(np.median(b.infer_ms)) for b in blocks),
        peak_memory_bytes=blocks[-1].peak_memory_bytes,
        load_ms=ready.load_ms,
        warmup_runs=ready.warmup_runs,
        threads=blocks[-1].threads,
        settings=repr(candidate.backend),
        confidence=candidate.nms.min_score,
        images=ready.images,
    )


def _require_distinct(candidates: Sequence[Candidate]) -> None:
    names = [c.name for c in candidates]
    if len(set(names)) < max(1, len(names)):
        raise ConfigError(
            f"Latency needs one or more candidates with different names, found {names}. "
            "Give each model a name of its own."
        )
