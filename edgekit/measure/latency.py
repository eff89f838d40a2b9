"""How fast detectors are: several candidates timed in turn, each in a process of its own."""

from __future__ import annotations

import itertools
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from edgekit.errors import ConfigError
from edgekit.measure.disturbance import disturbances, drift
from edgekit.measure.jetson import find_meter
from edgekit.measure.machine import Conditions, read_conditions
from edgekit.measure.percentiles import Spread, spread_of
from edgekit.measure.rounds import take_rounds
from edgekit.measure.sampling import spread
from edgekit.measure.statistics import median_interval
from edgekit.measure.throughput import default_streams
from edgekit.measure.timing_worker import Block, Job, Ready
from edgekit.measure.worker_process import WorkerProcess
from edgekit.protocols import silent
from edgekit.values import Interval, Latency

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edgekit.measure.candidate import Candidate
    from edgekit.measure.power import EnergyUse
    from edgekit.measure.throughput import Throughput
    from edgekit.measure.watch import Lap
    from edgekit.protocols import Progress
    from edgekit.values import Dataset

_FEWEST_QUIET = 10  # rounds that a ratio stands on


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
        streams: With how many images under way at once throughput is measured, too; none at all
            takes no time.
        stream_seconds: For how long, each.
        repeat_disturbed: Whether rounds are measured again during which another program was in
            the way, at most as many as there are.
    """

    min_runs: int = 100
    min_seconds: float = 2.0
    block_runs: int = 5
    pause_s: float = 0.05
    confidence: float = 0.25
    images: int = 8
    streams: tuple[int, ...] = ()
    stream_seconds: float = 0.6
    repeat_disturbed: bool = False


def for_a_report(
    streams: tuple[int, ...] | None = None, *, repeat_disturbed: bool = False
) -> LatencyOptions:
    """Return how rows of a report are measured: throughput too.

    Args:
        streams: Of throughput; ``None`` takes one stream, and one for every core.
        repeat_disturbed: Whether disturbed rounds are measured again.
    """
    asked = default_streams() if streams is None else streams
    return LatencyOptions(streams=asked, repeat_disturbed=repeat_disturbed)


@dataclass(frozen=True)
class LatencyResult:
    """What one candidate took.

    Attributes:
        name: The candidate's.
        latency: Percentiles over all runs.
        fps: Images per second end to end: before, in and after inference.
        round_best_ms: Fastest inference of each round; rounds of candidates timed together are
            pairs.
        peak_memory_bytes: Largest resident memory of its process; ``None`` where unknown.
        load_ms: Opening the model.
        warmup_runs: Runs before the times were stable.
        threads: Threads of its process, the runtime's among them.
        settings: The runtime's settings.
        confidence: Threshold it ran at, in 0..1.
        images: Real images it cycled through; 0 is one synthetic image.
        cold_start_ms: The first image after opening, from array to boxes.
        spread: Percentiles of inference, and how sure they are.
        throughput: By number of streams, as asked for.
        energy: What one image costs; ``None`` where power cannot be read.
        disturbed: What disturbed the timing, one clause each.
        quiet: Whether each round was left alone by other programs; empty where nobody watched.
    """

    name: str
    latency: Latency
    fps: float
    round_best_ms: tuple[float, ...]
    peak_memory_bytes: int | None
    load_ms: float
    warmup_runs: int
    threads: int
    settings: str
    confidence: float
    images: int
    cold_start_ms: float | None = None
    spread: Spread = field(default_factory=Spread)
    throughput: tuple[Throughput, ...] = ()
    energy: EnergyUse | None = None
    disturbed: tuple[str, ...] = ()
    quiet: tuple[bool, ...] = ()


@dataclass(frozen=True)
class LatencyRun:
    """Candidates timed in turn, and the machine's state around it.

    Attributes:
        results: One per candidate, in the order given.
        before: State of the machine when the first block started.
        after: State when the last block ended.
        others_cores: Cores that other programs kept busy meanwhile, on average; ``None`` where
            that was not watched.
        waited: Share of their time that candidates could have run and had no core, 0 to 1;
            ``None`` where the system does not tell.
        rounds_disturbed: Share of the rounds that another program was in the way of, 0 to 1.
        rounds_left_out: Disturbed rounds that others were measured in place of.
        power: What power was read from, or why none was.
        disturbed: What disturbed all candidates, one clause each.
    """

    results: tuple[LatencyResult, ...]
    before: Conditions
    after: Conditions
    others_cores: float | None = None
    waited: float | None = None
    rounds_disturbed: float = 0.0
    rounds_left_out: int = 0
    power: str | None = None
    disturbed: tuple[str, ...] = ()

    @property
    def throttled(self) -> bool:
        """Whether the machine slowed itself down meanwhile: then the figures are not valid."""
        return self.after.throttle_events > self.before.throttle_events

    @property
    def ratios_hold(self) -> bool:
        """Whether speedups are those of a quiet machine: enough rounds were left alone."""
        return not self.results or _enough_quiet(self.results[0]) or self.rounds_disturbed <= 0.5

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
    progress("latency", 0, 100)
    with ExitStack() as stack:
        workers = [stack.enter_context(WorkerProcess(Job(c, records))) for c in deployed]
        for worker in workers:
            worker.started()
        ready = [worker.warm_up() for worker in workers]
        before = read_conditions()
        with find_meter() as meter:
            rounds = take_rounds(workers, options, meter, progress)
        after = read_conditions()
        rates = _throughput(workers, options, progress)
    results = _results(deployed, ready, [r.blocks for r in rounds.kept])
    complete = (
        replace(result, throughput=rate, energy=meter.use(result.name))
        for result, rate in zip(results, rates, strict=True)
    )
    run = LatencyRun(
        tuple(complete), before, after, rounds_left_out=rounds.left_out, power=meter.source
    )
    return _marked(run, [r.lap for r in rounds.kept])


def _marked(run: LatencyRun, laps: Sequence[Lap]) -> LatencyRun:
    """Return ``run`` and its results with what happened during each round."""
    common = disturbances(laps, throttled=run.throttled)
    quiet = tuple(not lap.disturbed for lap in laps)
    results = (
        replace(result, disturbed=(*common, *result.disturbed), quiet=quiet)
        for result in run.results
    )
    return replace(
        run,
        results=tuple(results),
        others_cores=float(np.mean([lap.others for lap in laps])),
        waited=_mean([lap.waited for lap in laps if lap.waited is not None]),
        rounds_disturbed=1 - float(np.mean(quiet)),
        disturbed=common,
    )


def speedup(base: LatencyResult, other: LatencyResult) -> Interval:
    """Return how many times faster ``other`` is: median of the paired ratios, 95 % interval.

    Both come from one ``measure_latency``, so that their rounds are pairs. What else runs only adds
    time, and not by the same factor to a short run and a long one; so a round's figure is its
    fastest run, as Chen and Revels advise ("Robust benchmarking in noisy environments", 2016).
    Rounds that another program was in the way of do not count where enough others are left.
    """
    pairs = zip(base.round_best_ms, other.round_best_ms, strict=True)
    ratios = [slow / fast for slow, fast in pairs]
    if _enough_quiet(base):
        ratios = [ratio for ratio, quiet in zip(ratios, base.quiet, strict=True) if quiet]
    return median_interval(ratios)


def _enough_quiet(timed: LatencyResult) -> bool:
    return sum(timed.quiet) >= _FEWEST_QUIET


def _throughput(
    workers: Sequence[WorkerProcess], options: LatencyOptions, progress: Progress
) -> list[tuple[Throughput, ...]]:
    """Return the rates by worker and number of streams, the workers in turn."""
    total = len(options.streams) * len(workers)
    rates: list[list[Throughput]] = [[] for _ in workers]
    for number, streams in enumerate(options.streams):
        for done, worker in enumerate(workers):
            rate = worker.run_streams(streams, options.stream_seconds)
            if rate is not None:
                rates[done].append(rate)
            progress("throughput", number * len(workers) + done + 1, total)
    return [tuple(found) for found in rates]


def _results(
    candidates: Sequence[Candidate], ready: Sequence[Ready], rounds: Sequence[tuple[Block, ...]]
) -> tuple[LatencyResult, ...]:
    blocks = zip(*rounds, strict=True)
    return tuple(_result(*one) for one in zip(candidates, ready, blocks, strict=True))


def _result(candidate: Candidate, ready: Ready, blocks: Sequence[Block]) -> LatencyResult:
    pre = np.concatenate([b.pre_ms for b in blocks])
    infer = np.concatenate([b.infer_ms for b in blocks])
    post = np.concatenate([b.post_ms for b in blocks])
    p50, p90, p99 = np.percentile(infer, (50, 90, 99)).tolist()
    return LatencyResult(
        name=candidate.name,
        latency=Latency(p50, p90, p99, len(infer), float(np.median(pre)), float(np.median(post))),
        fps=1e3 / float(np.median(pre + infer + post)),
        round_best_ms=tuple(min(b.infer_ms) for b in blocks),
        peak_memory_bytes=blocks[-1].peak_memory_bytes,
        load_ms=ready.load_ms,
        warmup_runs=ready.warmup_runs,
        threads=blocks[-1].threads,
        settings=repr(candidate.backend),
        confidence=candidate.nms.min_score,
        images=ready.images,
        cold_start_ms=ready.cold_start_ms,
        spread=spread_of([b.infer_ms for b in blocks]),
        disturbed=drift([float(np.median(b.infer_ms)) for b in blocks]),
    )


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None


def _require_distinct(candidates: Sequence[Candidate]) -> None:
    names = [c.name for c in candidates]
    if len(set(names)) < max(1, len(names)):
        raise ConfigError(
            f"Latency needs one or more candidates with different names, found {names}. "
            "Give each model a name of its own."
        )
