"""What the board tells of itself: system, power mode, clocks, temperatures, power.

Whatever a board does not have is left out or ``None``; nothing here stops a measurement.
Formats of nvpmodel, jetson_clocks and tegrastats are those of JetPack 5 and 6 (NVIDIA Jetson Linux
Developer Guide); JetPack 7 was not seen.
"""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
import time
from pathlib import Path
from threading import Thread
from typing import Any, Dict, List, Optional, Tuple

Json = Dict[str, Any]

_RAIL = re.compile(r"\b(V[A-Z][A-Z0-9_]+) (\d+)mW")
_MODE = re.compile(r"NV Power Mode: *(\S+)")
_CORE = re.compile(r"^cpu\d+: Online=1 .*MinFreq=(\d+) MaxFreq=(\d+)", re.MULTILINE)
_GPU = re.compile(r"^GPU MinFreq=(\d+) MaxFreq=(\d+)", re.MULTILINE)
_RELEASE = re.compile(r"R(\d+) .*REVISION: ([\d.]+)")
# Orin NX, Orin Nano and Xavier NX measure what the module takes in, the others its inputs.
_WHOLE = "VDD_IN"
_INPUTS = ("VDD_GPU_SOC", "VDD_CPU_CV", "VIN_SYS_5V0")
_GPU_CLOCKS = ("*.gpu", "gpu-gpc-*", "*.ga10b", "*.gv11b")
_PATIENCE_S = 10.0
_INTERVAL_MS = 100
_OFF_C = -200.0


def system_of(root: Path = Path("/")) -> Json:
    """Return ``model``, ``l4t``, ``machine``, ``kernel`` and ``python`` of this computer."""
    release = _RELEASE.search(_text(root / "etc/nv_tegra_release"))
    return {
        "model": _text(root / "proc/device-tree/model").strip("\0\n ") or None,
        "l4t": f"{release[1]}.{release[2]}" if release else None,
        "machine": platform.machine(),
        "kernel": platform.release(),
        "python": platform.python_version(),
    }


def power_mode() -> Optional[str]:
    """Return the power mode that ``nvpmodel -q`` names, ``MAXN`` or ``15W``."""
    found = _MODE.search(_told_by("nvpmodel", "-q"))
    return found[1] if found else None


def clocks_locked() -> Optional[bool]:
    """Return whether jetson_clocks holds cores and GPU; ``None`` where it tells only root."""
    told = _told_by("jetson_clocks", "--show")
    spans = _CORE.findall(told)
    return all(low == high for low, high in spans + _GPU.findall(told)) if spans else None


def state_of(root: Path = Path("/")) -> Json:
    """Return how the board is now.

    Returns:
        ``temperatures_c`` by sensor; ``gpu_mhz``; ``over_currents``, how often it drew too much
        since it was switched on, ``None`` where nothing counts that; ``alerts``, the parts that
        are slowed down because they are hot.
    """
    return {
        "temperatures_c": _temperatures(root),
        "gpu_mhz": _gpu_mhz(root),
        "over_currents": _over_currents(root),
        "alerts": _alerts(root),
    }


def slowed_down(before: Json, after: Json) -> List[str]:
    """Return why the board ran slower than it could between two states; nothing where it did not.

    Source:
        NVIDIA Jetson Linux Developer Guide, "Jetson Orin Nano Series, Jetson Orin NX Series and
        Jetson AGX Orin Series", on over-current events (``oc*_event_cnt``). That ``*-alert``
        cooling devices tell of heat was read in programs of people with such boards.
    """
    reasons = [f"{name} when it ended" for name in after["alerts"]]
    if before["over_currents"] is not None and after["over_currents"] is not None:
        more = after["over_currents"] - before["over_currents"]
        if more > 0:
            reasons.append(f"{more} over-current events")
    return reasons


class PowerLog:
    """Reads power from tegrastats, where there is one, while a block runs."""

    def __init__(self) -> None:
        self._path = shutil.which("tegrastats")
        self._samples: List[Tuple[float, Dict[str, int]]] = []

    def __enter__(self) -> PowerLog:
        self._process = None
        if self._path is not None:
            self._process = subprocess.Popen(
                [self._path, "--interval", str(_INTERVAL_MS)],
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
            self._reader = Thread(target=self._read, daemon=True)
            self._reader.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._end = time.monotonic()
        if self._process is not None:
            self._process.kill()
            self._reader.join()
            self._process.communicate()

    def of_last(self, seconds: float) -> Optional[Json]:
        """Return the mean power of the last ``seconds`` of the block, when networks were running.

        Returns:
            ``watts``, ``samples``, ``rails`` that were added up and ``source``; ``None`` where
            nothing measures power here.
        """
        samples = [rails for at, rails in self._samples if at >= self._end - seconds]
        rails = _input_rails(samples[-1]) if samples else ()
        if not rails:
            return None
        milliwatts = [sum(sample.get(rail, 0) for rail in rails) for sample in samples]
        return {
            "watts": sum(milliwatts) / len(milliwatts) / 1e3,
            "samples": len(samples),
            "rails": list(rails),
            "source": "tegrastats",
        }

    def _read(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._samples.append((time.monotonic(), rails_of(line.decode(errors="replace"))))


def rails_of(line: str) -> Dict[str, int]:
    """Return the power now, in milliwatts by rail, in one line of tegrastats."""
    return {name: int(milliwatts) for name, milliwatts in _RAIL.findall(line)}


def _input_rails(rails: Dict[str, int]) -> Tuple[str, ...]:
    return (_WHOLE,) if _WHOLE in rails else tuple(name for name in _INPUTS if name in rails)


def _temperatures(root: Path) -> Dict[str, float]:
    found = {}
    for zone in sorted((root / "sys/class/thermal").glob("thermal_zone*")):
        name, milli = _text(zone / "type").strip(), _text(zone / "temp").strip()
        if name and re.fullmatch(r"-?\d+", milli) and int(milli) / 1e3 > _OFF_C:
            found[name] = int(milli) / 1e3
    return found


def _over_currents(root: Path) -> Optional[int]:
    counts = [
        _text(path).strip() for path in (root / "sys/class/hwmon").glob("hwmon*/oc*_event_cnt")
    ]
    known = [int(count) for count in counts if count.isdigit()]
    return sum(known) if known else None


def _alerts(root: Path) -> List[str]:
    devices = sorted((root / "sys/class/thermal").glob("cooling_device*"))
    states = {_text(one / "type").strip(): _text(one / "cur_state").strip() for one in devices}
    return [name for name, state in states.items() if name.endswith("-alert") and state != "0"]


def _gpu_mhz(root: Path) -> Optional[float]:
    for pattern in _GPU_CLOCKS:
        for folder in sorted((root / "sys/class/devfreq").glob(pattern)):
            hertz = _text(folder / "cur_freq").strip()
            if hertz.isdigit():
                return int(hertz) / 1e6
    return None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _told_by(program: str, argument: str) -> str:
    path = shutil.which(program)
    if path is None:
        return ""
    try:
        ended = subprocess.run(
            [path, argument],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_PATIENCE_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return ended.stdout.decode(errors="replace")
