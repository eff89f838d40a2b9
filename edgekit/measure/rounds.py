"""Rounds of timing: every candidate has its turn, and what disturbed a round is kept with it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgekit.measure.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edgekit.measure.latency import LatencyOptions
    from edgekit.measure.power import Meter
    from edgekit.measure.timing_worker import Block
    from edgekit.measure.watch import Lap
    from edgekit.measure.worker_process import WorkerProcess
    from edgekit.protocols import Progress


@dataclass(frozen=True)
class Round:
    """One turn of every candidate.

    Attributes:
        blocks: By candidate.
        lap: What happened on the machine meanwhile; rounds that took little time share one.
    """

    blocks: tuple[Block, ...]
    lap: Lap


@dataclass(frozen=True)
class Rounds:
    """All rounds that count.

    Attributes:
        kept: In the order they were taken.
        left_out: Disturbed rounds that others were taken in place of.
    """

    kept: tuple[Round, ...]
    left_out: int = 0


def take_rounds(
    workers: Sequence[WorkerProcess], options: LatencyOptions, meter: Meter, progress: Progress
) -> Rounds:
    """Return rounds of all ``workers`` in turn, until there are enough.

    With ``repeat_disturbed``, disturbed rounds are measured again, at most as many in all as
    there were at first. Only what other programs did decides which, never how long a run took;
    and where quiet stays too rare, all rounds count.
    """
    turns = _Turns(workers, options, meter)
    while turns.share_done() < 1:
        turns.take()
        progress("latency", int(100 * turns.share_done()), 100)
    taken = turns.rounds()
    wanted = len(taken)
    while options.repeat_disturbed and len(taken) < 2 * wanted and _quiet(taken) < wanted:
        for _ in range(min(wanted - _quiet(taken), 2 * wanted - len(taken))):
            turns.take()
        taken = turns.rounds()
        progress("latency, once more", min(_quiet(taken), wanted), wanted)
    if options.repeat_disturbed and _quiet(taken) >= wanted:
        quiet = tuple(r for r in taken if not r.lap.disturbed)
        return Rounds(quiet, len(taken) - len(quiet))
    return Rounds(taken)


class _Turns:
    """Takes rounds, and laps of the watch as often as they tell something."""

    def __init__(
        self, workers: Sequence[WorkerProcess], options: LatencyOptions, meter: Meter
    ) -> None:
        self._workers, self._options, self._meter = workers, options, meter
        self._watch = Watch([worker.pid for worker in workers])
        self._spent_s = [0.0] * len(workers)
        self._told: list[Round] = []
        self._untold: list[tuple[Block, ...]] = []

    def take(self) -> None:
        """Take one round."""
        blocks: list[Block] = []
        for index, worker in enumerate(self._workers):
            time.sleep(self._options.pause_s)
            with self._meter.during(worker.name, self._options.block_runs):
                blocks.append(worker.time(self._options.block_runs))
            # Without the pauses a network of half a millisecond would take minutes.
            self._spent_s[index] += self._options.pause_s + sum(blocks[-1].infer_ms) / 1e3
        self._untold.append(tuple(blocks))
        if self._watch.due:
            self._tell()

    def rounds(self) -> tuple[Round, ...]:
        """Return all rounds so far."""
        if self._untold:
            self._tell()
        return tuple(self._told)

    def share_done(self) -> float:
        """Return how much of what was asked for is measured, 0 to 1."""
        runs = (len(self._told) + len(self._untold)) * self._options.block_runs
        least = self._options.min_seconds
        seconds = min(self._spent_s) / least if least else 1.0
        return min(1.0, runs / self._options.min_runs, seconds)

    def _tell(self) -> None:
        lap = self._watch.lap()
        self._told += [Round(blocks, lap) for blocks in self._untold]
        self._untold = []


def _quiet(rounds: Sequence[Round]) -> int:
    return sum(not r.lap.disturbed for r in rounds)
