"""How fast the cores run, as Linux tells it."""

from __future__ import annotations

from pathlib import Path

CPU = Path("/sys/devices/system/cpu")


def core_clocks_mhz(cpu: Path = CPU) -> tuple[float, ...]:
    """Return the clock of every core now, in MHz; empty where the system does not tell.

    Virtual machines mostly do not: what stands in /proc/cpuinfo there is a constant.
    """
    return _of_every_core(cpu, "scaling_cur_freq")


def clock_limit_mhz(cpu: Path = CPU) -> float | None:
    """Return how fast the fastest core may run as the system is set, in MHz."""
    return max(_of_every_core(cpu, "scaling_max_freq"), default=None)


def governors(cpu: Path = CPU) -> str | None:
    """Return the frequency governor of the cores, all of them where they differ."""
    found = {line for path in _files(cpu, "scaling_governor") if (line := read_line(path))}
    return ", ".join(sorted(found)) or None


def read_line(path: Path) -> str | None:
    """Return the one line of a file of the kernel; ``None`` where there is none to read."""
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:  # not this kernel, or not ours to read
        return None


def _of_every_core(cpu: Path, name: str) -> tuple[float, ...]:
    lines = (read_line(path) for path in _files(cpu, name))
    return tuple(int(line) / 1e3 for line in lines if line and line.isdecimal())


def _files(cpu: Path, name: str) -> list[Path]:
    return sorted(cpu.glob(f"cpu[0-9]*/cpufreq/{name}"))
