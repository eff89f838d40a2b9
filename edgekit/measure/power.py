"""What a candidate's own runs cost in energy, where the computer can tell."""

from __future__ import annotations

import time
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, Self

from edgekit.measure.clocks import read_line

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

POWERCAP = Path("/sys/class/powercap")


@dataclass(frozen=True)
class EnergyUse:
    """What one image costs.

    Attributes:
        mj_per_frame: Millijoules per image, images one at a time.
        mean_w: Mean power meanwhile, in watts.
        source: What was read, and of what part of the computer.
    """

    mj_per_frame: float
    mean_w: float
    source: str


class Meter(Protocol):
    """Something that reads power. A context manager around all that it measures."""

    @property
    def source(self) -> str:
        """What is read, and of what part of the computer; or why nothing is."""

    def during(self, name: str, frames: int) -> AbstractContextManager[None]:
        """Book what is used meanwhile, for so many frames, to the candidate ``name``."""

    def use(self, name: str) -> EnergyUse | None:
        """Return what was booked to ``name``; ``None`` where that is too little to tell."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *error: object) -> None: ...


@dataclass
class Bill:
    """What was booked to one candidate."""

    joules: float = 0.0
    seconds: float = 0.0
    frames: int = 0

    def use(self, source: str) -> EnergyUse | None:
        """Return it per frame; ``None`` where nothing was used."""
        if not self.frames or self.joules <= 0:
            return None
        return EnergyUse(1e3 * self.joules / self.frames, self.joules / self.seconds, source)


@dataclass(frozen=True)
class NoMeter:
    """Where power cannot be read.

    Attributes:
        source: Why.
    """

    source: str

    @contextmanager
    def during(self, name: str, frames: int) -> Iterator[None]:  # noqa: ARG002 a ``Meter``
        """Book nothing."""
        yield

    def use(self, name: str) -> EnergyUse | None:  # noqa: ARG002 a ``Meter``
        """Return ``None``."""
        return None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None: ...


@dataclass(frozen=True)
class Counter:
    """One energy counter of the processor.

    Attributes:
        path: File of microjoules.
        wraps_at: Where it starts again from zero, in microjoules.
    """

    path: Path
    wraps_at: int

    def read(self) -> int:
        """Return microjoules since some time.

        Raises:
            OSError: It is not ours to read.
        """
        return int(self.path.read_text())

    def joules_between(self, before: int, after: int) -> float:
        """Return what was used between two readings, less than one turn of the counter apart."""
        return (after - before + (self.wraps_at if after < before else 0)) / 1e6


@dataclass(frozen=True)
class Rapl:
    """Reads the energy counters of whole processor packages: RAPL, of Intel and AMD.

    They count all that the package does, idle cores and other programs too.

    Source:
        Linux kernel, Documentation/power/powercap/powercap.rst.
    """

    counters: tuple[Counter, ...]
    bills: defaultdict[str, Bill] = field(default_factory=lambda: defaultdict(Bill))

    @property
    def source(self) -> str:
        """``RAPL, whole processor package``."""
        return "RAPL, whole processor package"

    @contextmanager
    def during(self, name: str, frames: int) -> Iterator[None]:
        """Book what the packages use meanwhile to ``name``."""
        start, before = time.perf_counter(), [c.read() for c in self.counters]
        yield
        after = [c.read() for c in self.counters]
        bill = self.bills[name]
        bill.seconds += time.perf_counter() - start
        bill.frames += frames
        read = zip(self.counters, before, after, strict=True)
        bill.joules += sum(counter.joules_between(a, b) for counter, a, b in read)

    def use(self, name: str) -> EnergyUse | None:
        """Return what was booked to ``name``."""
        return self.bills[name].use(self.source)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None: ...


def find_rapl(powercap: Path = POWERCAP) -> Rapl | NoMeter:
    """Return a reader of the energy counters of this computer's processor, or why there is none."""
    packages = [
        zone
        for zone in sorted(powercap.glob("intel-rapl:[0-9]*"))
        if (read_line(zone / "name") or "").startswith("package")
    ]
    if not packages:
        return NoMeter("no energy counters (RAPL) are visible here")
    wraps = [int(read_line(zone / "max_energy_range_uj") or 0) for zone in packages]
    counters = (Counter(z / "energy_uj", w) for z, w in zip(packages, wraps, strict=True))
    meter = Rapl(tuple(counters))
    try:
        for counter in meter.counters:
            counter.read()
    except OSError as err:
        return NoMeter(
            f"the energy counters (RAPL) are not ours to read: {err.strerror}. Allow it with: "
            f"sudo chmod a+r {powercap}/intel-rapl:*/energy_uj"
        )
    return meter
