"""What the operating system says about this computer's processor."""

from __future__ import annotations

import os
import platform
import re
import sys
from dataclasses import dataclass
from pathlib import Path

import psutil

_CPUINFO = Path("/proc/cpuinfo")
_BOARD = Path("/proc/device-tree/model")


@dataclass(frozen=True)
class Host:
    """This computer, as far as it tells.

    Attributes:
        name: The processor's own name, or the board's.
        flags: Instruction sets as Linux spells them; empty where the system does not say.
        cores: Physical cores this process may use.
        memory_mib: Main memory, in MiB.
    """

    name: str
    flags: frozenset[str]
    cores: int
    memory_mib: int


def read_host() -> Host:
    """Return what is known about this computer; what the system hides is left empty."""
    cpuinfo = _text(_CPUINFO)
    return Host(
        name=_name(cpuinfo),
        flags=_flags(cpuinfo),
        cores=_cores(),
        memory_mib=psutil.virtual_memory().total // 2**20,
    )


def _name(cpuinfo: str) -> str:
    # 64-bit Arm kernels give no model name; boards describe themselves elsewhere.
    named = re.search(r"^model name\s*:\s*(.+)$", cpuinfo, re.MULTILINE)
    board = _text(_BOARD).rstrip("\0")
    return named[1].strip() if named else board or platform.processor() or platform.machine()


def _flags(cpuinfo: str) -> frozenset[str]:
    listed = re.search(r"^(?:flags|Features)\s*:\s*(.+)$", cpuinfo, re.MULTILINE)
    if listed:
        return frozenset(listed[1].split())
    if sys.platform == "darwin" and platform.machine() == "arm64":
        return frozenset({"asimd", "asimddp"})  # the first Apple M1 has both, and each one since
    return frozenset()


def _cores() -> int:
    physical = psutil.cpu_count(logical=False) or psutil.cpu_count() or 1
    if not hasattr(os, "sched_getaffinity"):
        return physical
    return min(physical, len(os.sched_getaffinity(0)))


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
