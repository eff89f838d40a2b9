"""What figures were measured on."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

import psutil

from edgekit.config.device import detect_host
from edgekit.config.host import read_host
from edgekit.measure.clocks import CPU, clock_limit_mhz, core_clocks_mhz, governors, read_line
from edgekit.measure.jetson import clocks_locked, power_mode

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_PACKAGES = (
    "edgekit",
    "numpy",
    "onnx",
    "onnx-ir",
    "onnxruntime",
    "onnxsim",
    "openvino",
    "opencv-python-headless",
)


@dataclass(frozen=True)
class Machine:
    """What does not change while measuring.

    Attributes:
        cpu: Model name.
        isa: Instruction sets that matter here, e.g. ``avx2``, ``avx512_vnni``.
        cores: Physical cores this process may use.
        memory_bytes: Installed memory.
        os: System, release and architecture.
        python: Version.
        versions: Of the packages that decide the figures, by name.
    """

    cpu: str
    isa: tuple[str, ...]
    cores: int
    memory_bytes: int
    os: str
    python: str
    versions: dict[str, str]


@dataclass(frozen=True)
class Conditions:
    """What changes while measuring; ``None`` where the system does not tell.

    Attributes:
        load_1min: Mean number of runnable processes over the last minute.
        clock_mhz: Mean over the cores.
        governor: Frequency governor of the cores.
        temperature_c: Hottest sensor of the processor.
        throttle_events: How often cores slowed down from heat since boot.
        clock_min_mhz: Of the slowest core.
        clock_max_mhz: Of the fastest core.
        clock_limit_mhz: What the fastest core may reach as the system is set.
        power_mode: Of a Jetson, as nvpmodel names it.
        clocks_locked: Whether jetson_clocks holds a Jetson's clocks.
    """

    load_1min: float | None
    clock_mhz: float | None
    governor: str | None
    temperature_c: float | None
    throttle_events: int
    clock_min_mhz: float | None = None
    clock_max_mhz: float | None = None
    clock_limit_mhz: float | None = None
    power_mode: str | None = None
    clocks_locked: bool | None = None


def read_conditions(cpu: Path = CPU) -> Conditions:
    """Return the state of the machine now, ``cpu`` being where the kernel shows its cores."""
    clock = psutil.cpu_freq() if hasattr(psutil, "cpu_freq") else None
    clocks = core_clocks_mhz(cpu)
    return Conditions(
        load_1min=os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        clock_mhz=clock.current if clock else None,
        governor=governors(cpu),
        temperature_c=_hottest(),
        throttle_events=sum(
            int(read_line(counter) or 0)
            for counter in cpu.glob("cpu*/thermal_throttle/*_throttle_count")
        ),
        clock_min_mhz=min(clocks, default=None),
        clock_max_mhz=max(clocks, default=None),
        clock_limit_mhz=clock_limit_mhz(cpu),
        power_mode=power_mode(),
        clocks_locked=clocks_locked(),
    )


def describe_machine() -> Machine:
    """Return what this process runs on."""
    host = read_host()
    return Machine(
        cpu=host.name,
        isa=tuple(detect_host().cpu.isa),
        cores=host.cores,
        memory_bytes=psutil.virtual_memory().total,
        os=f"{platform.system()} {platform.release()} {platform.machine()}",
        python=platform.python_version(),
        versions=installed_versions(_PACKAGES),
    )


def installed_versions(packages: Iterable[str]) -> dict[str, str]:
    """Return the versions of those of ``packages`` that are installed, by name."""
    return {name: found for name in packages if (found := _version(name))}


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _hottest() -> float | None:
    """Return the highest temperature any sensor tells; few virtual machines have one."""
    sensors = psutil.sensors_temperatures() if hasattr(psutil, "sensors_temperatures") else {}
    return max((s.current for group in sensors.values() for s in group), default=None)
