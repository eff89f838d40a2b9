"""Whatever else happens on the machine while candidates are timed."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil

from edgekit.measure.clocks import core_clocks_mhz

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edgekit.measure.timing_worker import Block

LAP_S = 0.5  # the kernel counts processor time in hundredths of a second
_SPARE_CORES = 0.25  # what the system itself may need


@dataclass(frozen=True)
class Lap:
    """What happened during a few rounds.

    Attributes:
        others: Cores that other programs kept busy, on average.
        stolen: Cores that the host of this virtual machine gave to others.
        own: Cores that the busiest candidate uses while it runs.
        cores: Cores there are.
        clock_mhz: Of the fastest core at the end; ``None`` where the system does not tell.
    """

    others: float
    stolen: float
    own: float
    cores: int
    clock_mhz: float | None

    @property
    def disturbed(self) -> bool:
        """Whether a candidate had fewer cores than it uses.

        As many as it leaves idle others may use, and a quarter of one for the system.
        """
        left_idle = max(0.0, self.cores - self.own)
        return self.others + self.stolen > left_idle + _SPARE_CORES


class Watch:
    """Tells what of the processor's time went to others.

    Args:
        pids: Of the workers; this process is among our own, too.
    """

    def __init__(self, pids: Sequence[int]) -> None:
        self._workers = [psutil.Process(pid) for pid in pids]
        self._self = psutil.Process(os.getpid())
        self._block_s = [0.0] * len(pids)
        self._last = self._times()

    def add(self, blocks: Sequence[Block]) -> None:
        """Note how long each worker was timed in a round."""
        for index, block in enumerate(blocks):
            self._block_s[index] += sum(block.pre_ms + block.infer_ms + block.post_ms) / 1e3

    @property
    def due(self) -> bool:
        """Whether enough time has passed since the last lap to tell anything."""
        return time.perf_counter() - self._last.wall >= LAP_S

    def lap(self) -> Lap:
        """Return what happened since the last lap."""
        before, now = self._last, self._times()
        wall = max(now.wall - before.wall, 1e-6)
        workers = [b - a for a, b in zip(before.workers, now.workers, strict=True)]
        own = sum(workers) + now.own - before.own
        at_work = [
            used / timed for used, timed in zip(workers, self._block_s, strict=True) if timed > 0
        ]
        self._last, self._block_s = now, [0.0] * len(workers)
        cores = psutil.cpu_count() or 1
        return Lap(
            others=max(0.0, now.busy - before.busy - own) / wall,
            stolen=max(0.0, now.stolen - before.stolen) / wall,
            own=min(float(cores), max(at_work, default=0.0)),
            cores=cores,
            clock_mhz=max(core_clocks_mhz(), default=None),
        )

    def _times(self) -> _Times:
        counted = psutil.cpu_times()
        stolen = getattr(counted, "steal", 0.0)
        # Time of guests is in that of their host already.
        idle = ("idle", "iowait", "steal", "guest", "guest_nice")
        busy = sum(s for name, s in counted._asdict().items() if name not in idle)
        return _Times(
            wall=time.perf_counter(),
            busy=busy,
            stolen=stolen,
            workers=tuple(_seconds_of(worker) for worker in self._workers),
            own=_seconds_of(self._self),
        )


@dataclass(frozen=True)
class _Times:
    """Seconds on the processor since some time.

    Attributes:
        busy: Of all programs.
        own: Of this process.
    """

    wall: float
    busy: float
    stolen: float
    workers: tuple[float, ...]
    own: float


def _seconds_of(process: psutil.Process) -> float:
    with suppress(psutil.Error):  # a worker that died is told of where it is asked
        used = process.cpu_times()
        return float(used.user + used.system)
    return 0.0
