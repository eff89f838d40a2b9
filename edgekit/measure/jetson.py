"""What a Jetson tells of its power: nvpmodel, jetson_clocks and tegrastats."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Thread
from typing import TYPE_CHECKING, Self

from edgekit.measure.power import Bill, find_rapl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edgekit.measure.power import EnergyUse, Meter

_RAIL = re.compile(r"\b(V[A-Z][A-Z0-9_]+) (\d+)mW")
_SENSOR = re.compile(r"\b(\w+)@(-?\d+(?:\.\d+)?)C\b")
_MODE = re.compile(r"NV Power Mode: *(\S+)")
_CORE = re.compile(r"^cpu\d+: Online=1 .*MinFreq=(\d+) MaxFreq=(\d+)", re.MULTILINE)
_GPU = re.compile(r"^GPU MinFreq=(\d+) MaxFreq=(\d+)", re.MULTILINE)
_ABSENT_C = -256.0  # a sensor of a part that is switched off
# Orin NX, Orin Nano and Xavier NX measure what the whole module takes in, the others its inputs.
_WHOLE = "VDD_IN"
_INPUTS = ("VDD_GPU_SOC", "VDD_CPU_CV", "VIN_SYS_5V0")
_PATIENCE_S = 5.0
_INTERVAL_MS = 20
_FEWEST_SAMPLES = 10


@dataclass(frozen=True)
class TegraState:
    """One line of tegrastats.

    Attributes:
        rails_mw: Power now by name of the rail, in milliwatts.
        temperatures_c: By name of the sensor; those that are off are left out.
    """

    rails_mw: dict[str, int]
    temperatures_c: dict[str, float]

    @property
    def power_rails(self) -> tuple[str, ...]:
        """The rails that together are the module's input, as far as it measures them."""
        if _WHOLE in self.rails_mw:
            return (_WHOLE,)
        return tuple(name for name in _INPUTS if name in self.rails_mw)

    @property
    def power_w(self) -> float | None:
        """What these rails carry, in watts."""
        rails = self.power_rails
        return sum(self.rails_mw[name] for name in rails) / 1e3 if rails else None


def parse_tegrastats(line: str) -> TegraState:
    """Return what one line of tegrastats, of JetPack 5 or 6, tells of power and heat.

    Source:
        NVIDIA Jetson Linux Developer Guide, "tegrastats Utility".
    """
    sensors = {name: float(c) for name, c in _SENSOR.findall(line)}
    return TegraState(
        rails_mw={name: int(mw) for name, mw in _RAIL.findall(line)},
        temperatures_c={name: c for name, c in sensors.items() if c > _ABSENT_C},
    )


def parse_power_mode(told: str) -> str | None:
    """Return the power mode that ``nvpmodel -q`` names, e.g. ``MAXN`` or ``MODE_15W``."""
    found = _MODE.search(told)
    return found[1] if found else None


def parse_clocks_locked(told: str) -> bool | None:
    """Return whether ``jetson_clocks --show`` has every core and the GPU at one fixed clock.

    ``None`` where it tells of no core, as it does to all but root.
    """
    spans = _CORE.findall(told)
    if not spans:
        return None
    return all(low == high for low, high in (*spans, *_GPU.findall(told)))


def power_mode() -> str | None:
    """Return the board's power mode; ``None`` on what is no Jetson."""
    return parse_power_mode(_told_by("nvpmodel", "-q"))


def clocks_locked() -> bool | None:
    """Return whether jetson_clocks holds the clocks; ``None`` where that cannot be told."""
    return parse_clocks_locked(_told_by("jetson_clocks", "--show"))


def _told_by(program: str, argument: str) -> str:
    path = shutil.which(program)
    if path is None:
        return ""
    try:
        ended = subprocess.run(
            [path, argument], capture_output=True, text=True, timeout=_PATIENCE_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):  # it is there, but not for us
        return ""
    return ended.stdout


class Tegrastats:
    """Reads a Jetson's power from tegrastats while it runs beside the measurement.

    A sample counts for the candidate in whose block it falls; blocks shorter than the interval of
    the samples are seen as often as chance has it, which evens out over many.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._rails: tuple[str, ...] = ()
        self._now: str | None = None
        self._watts: defaultdict[str, list[float]] = defaultdict(list)
        self._bills: defaultdict[str, Bill] = defaultdict(Bill)

    @property
    def source(self) -> str:
        """``tegrastats``, and the rails that were added up."""
        return f"tegrastats, {' + '.join(self._rails) or 'no rails'}"

    @contextmanager
    def during(self, name: str, frames: int) -> Iterator[None]:
        """Book the samples that come meanwhile to ``name``."""
        start, self._now = time.perf_counter(), name
        yield
        self._now = None
        self._bills[name].seconds += time.perf_counter() - start
        self._bills[name].frames += frames

    def use(self, name: str) -> EnergyUse | None:
        """Return what was booked to ``name``; ``None`` where fewer than ten samples fell to it."""
        watts, bill = self._watts[name], self._bills[name]
        if len(watts) < _FEWEST_SAMPLES:
            return None
        joules = sum(watts) / len(watts) * bill.seconds
        return Bill(joules, bill.seconds, bill.frames).use(self.source)

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            state, name = parse_tegrastats(line), self._now
            if name is not None and state.power_w is not None:
                self._rails = state.power_rails
                self._watts[name].append(state.power_w)

    def __enter__(self) -> Self:
        command = [self._path, "--interval", str(_INTERVAL_MS)]
        self._process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self._listener = Thread(target=self._listen, daemon=True)
        self._listener.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._process.kill()
        self._listener.join()
        self._process.communicate()


def find_meter() -> Meter:
    """Return what reads power on this computer, or a meter that says why nothing does."""
    path = shutil.which("tegrastats")
    if path is not None:
        return Tegrastats(path)
    return find_rapl()
