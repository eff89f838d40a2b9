"""Whatever else happens on the machine while candidates are timed."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from edgekit.measure.clocks import core_clocks_mhz, read_line

if TYPE_CHECKING:
    from collections.abc import Sequence

LAP_S = 0.1  # the kernel counts processor time in hundredths of a second
_SPARE_CORES = 0.25  # what the system itself may need
_WAITED = 0.1
_PROC = Path("/proc")


@dataclass(frozen=True)
class Lap:
    """What happened during a few rounds.

    Attributes:
        others: Cores that other programs kept busy, on average.
        stolen: Cores that the host of this virtual machine gave to others.
        own: Cores that the candidates kept busy.
        waited: Share of the candidates' time that they could have run and had no core, 0 to 1;
            ``None`` where the system does not tell.
        cores: Cores there are.
        clock_mhz: Of the fastest core at the end; ``None`` where the system does not tell.
    """

    others: float
    stolen: float
    own: float
    waited: float | None
    cores: int
    clock_mhz: float | None

    @property
    def disturbed(self) -> bool:
        """Whether candidates had to wait for others.

        Other programs on cores that no candidate wants disturb none. Where the system does not
        tell who waited, all cores being busy has to do.
        """
        taken = self.others + self.stolen
        if taken <= _SPARE_CORES:
            return False
        if self.stolen > _SPARE_CORES:  # of that the system here sees no wait
            return True
        if self.waited is not None:
            return self.waited > _WAITED
        return taken + self.own > self.cores - _SPARE_CORES


class Watch:
    """Tells what of the processor's time went to others.

    Args:
        pids: Of the workers; this process is among our own, too.
    """

    def __init__(self, pids: Sequence[int]) -> None:
        self._workers = [psutil.Process(pid) for pid in pids]
        self._self = psutil.Process(os.getpid())
        self._last = self._times()

    @property
    def due(self) -> bool:
        """Whether enough time has passed since the last lap to tell anything."""
        return time.perf_counter() - self._last.wall >= LAP_S

    def lap(self) -> Lap:
        """Return what happened since the last lap."""
        before, now = self._last, self._times()
        self._last = now
        wall = max(now.wall - before.wall, 1e-6)
        worked = now.workers - before.workers
        waited = None
        if now.waited is not None and before.waited is not None:
            delay = max(0.0, now.waited - before.waited)
            waited = delay / max(delay + worked, 1e-6)
        return Lap(
            others=max(0.0, now.busy - before.busy - worked - (now.own - before.own)) / wall,
            stolen=max(0.0, now.stolen - before.stolen) / wall,
            own=max(0.0, worked) / wall,
            waited=waited,
            cores=psutil.cpu_count() or 1,
            clock_mhz=max(core_clocks_mhz(), default=None),
        )

    def _times(self) -> _Times:
        counted = psutil.cpu_times()
        # Time of guests is in that of their host already.
        idle = ("idle", "iowait", "steal", "guest", "guest_nice")
        waits = [waited_s(worker.pid) for worker in self._workers]
        told = [wait for wait in waits if wait is not None]
        return _Times(
            wall=time.perf_counter(),
            busy=sum(s for name, s in counted._asdict().items() if name not in idle),
            stolen=getattr(counted, "steal", 0.0),
            workers=sum(_seconds_of(worker) for worker in self._workers),
            waited=sum(told) if len(told) == len(waits) else None,
            own=_seconds_of(self._self),
        )


@dataclass(frozen=True)
class _Times:
    """Seconds since some time.

    Attributes:
        busy: On the processor, of all programs.
        workers: Of the workers.
        waited: That the workers could have run.
        own: Of this process.
    """

    wall: float
    busy: float
    stolen: float
    workers: float
    waited: float | None
    own: float


def waited_s(pid: int, proc: Path = _PROC) -> float | None:
    """Return how long the threads of a process could have run but had no core, in seconds.

    ``None`` where the system does not tell.

    Source:
        Linux kernel, Documentation/scheduler/sched-stats.rst: /proc/<pid>/schedstat.
    """
    lines = [read_line(task) for task in (proc / str(pid)).glob("task/*/schedstat")]
    fields = [line.split() for line in lines if line]
    if not fields:
        return None
    return sum(int(waited) for _, waited, _ in fields) / 1e9


def _seconds_of(process: psutil.Process) -> float:
    with suppress(psutil.Error):  # a worker that died is told of where it is asked
        used = process.cpu_times()
        return float(used.user + used.system)
    return 0.0
