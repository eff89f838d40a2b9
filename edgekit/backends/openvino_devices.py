"""Which processors OpenVINO runs on here, and why it does not run on another."""

from __future__ import annotations

import ctypes
import json
import sys
from dataclasses import asdict, dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from edgekit.backends.apart import ask_apart
from edgekit.backends.openvino_drivers import LIBRARIES, System, gpu_fault, npu_fault
from edgekit.errors import ConfigError, MissingError, MissingExtraError
from edgekit.optional import require

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

KNOWN = ("CPU", "GPU", "NPU")

_ENTRY = "from edgekit.backends.openvino_devices import tell; tell()"
_PATIENCE_S = 120.0
_PRECISIONS = frozenset({"FP32", "FP16", "BF16", "INT8"})
_FAULTS = {"GPU": gpu_fault, "NPU": npu_fault}
_DRIVERS = {
    "CPU": "https://docs.openvino.ai/2025/about-openvino/release-notes-openvino/system-requirements.html",
    "GPU": "https://docs.openvino.ai/2025/get-started/install-openvino/configurations.html",
    "NPU": "https://docs.openvino.ai/2025/get-started/install-openvino/configurations.html",
}


@dataclass(frozen=True)
class OpenVinoDevice:
    """A processor that OpenVINO runs on.

    Attributes:
        name: As OpenVINO calls it: ``CPU``, ``GPU``, ``NPU``, or ``GPU.1`` where there are more.
        full_name: The processor's own.
        capabilities: What it does, in OpenVINO's words: ``FP16``, ``INT8``, ``EXPORT_IMPORT`` ...
    """

    name: str
    full_name: str
    capabilities: tuple[str, ...]

    @property
    def precisions(self) -> tuple[str, ...]:
        """Number formats it computes in, sorted, of FP32, FP16, BF16 and INT8."""
        return tuple(sorted(_PRECISIONS.intersection(self.capabilities)))


@dataclass(frozen=True)
class OpenVinoHere:
    """What OpenVINO says of this computer.

    Attributes:
        devices: What it runs on, in its own order.
        complaints: Of each of ``KNOWN`` that is not among them, what OpenVINO says when asked.
        libraries: Those of the drivers' libraries that load here.
    """

    devices: tuple[OpenVinoDevice, ...]
    complaints: Mapping[str, str]
    libraries: tuple[str, ...]


@cache
def probe_openvino() -> OpenVinoHere:
    """Return what OpenVINO says of this computer; drivers are loaded in a process apart, once.

    Raises:
        MissingExtraError: OpenVINO is not installed.
        MissingError: It did not answer: a driver ended its process, or hangs.
    """
    return _ask(_ENTRY)


def openvino_devices() -> tuple[OpenVinoDevice, ...]:
    """Return what OpenVINO runs on here, in its own order.

    Raises:
        MissingExtraError: OpenVINO is not installed.
        MissingError: It did not answer: a driver ended its process, or hangs.
    """
    return probe_openvino().devices


def found_device(kind: str) -> OpenVinoDevice:
    """Return the first device of a ``kind`` that is here: ``GPU`` gives ``GPU.0``.

    Raises:
        MissingExtraError: OpenVINO is not installed.
        MissingError: It did not answer: a driver ended its process, or hangs.
    """
    return next(device for device in openvino_devices() if _kind(device.name) == kind)


def capabilities_of(device: str) -> tuple[str, ...]:
    """Return what a device that is here does, in OpenVINO's words: ``FP16``, ``INT8`` ...

    The CPU is asked in this process: no driver of another device can get in the way.

    Raises:
        MissingError: Another device did not answer.
    """
    if device == "CPU":
        core = require("openvino", extra="openvino", needed_for="Running on OpenVINO").Core()
        return tuple(core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"))
    return found_device(device).capabilities


def absence(
    device: str, here: OpenVinoHere | None = None, system: System | None = None
) -> str | None:
    """Return why OpenVINO does not run on ``device`` here and what to do; ``None`` where it does.

    Args:
        device: ``CPU``, ``GPU``, ``NPU``, or ``GPU.1`` where there are more.
        here: What OpenVINO says of this computer; none: it is asked.
        system: Where drivers are looked for; none: this computer, if it runs Linux.

    Raises:
        ConfigError: OpenVINO knows no such device.
    """
    kind = _kind(device)
    try:
        here = here or probe_openvino()
    except MissingError as err:
        _require_known(device, ())
        return str(err)
    names = [found.name for found in here.devices]
    _require_known(device, names)
    alike = [name for name in names if _kind(name) == kind]
    if device in alike or (alike and device in {kind, f"{kind}.0"}):
        return None
    if alike:
        return f"OpenVINO finds no {device} here: expected one of {', '.join(alike)}"
    if system is None and sys.platform == "linux":
        system = System()
    fault = _FAULTS[kind](system, here.libraries) if system and kind in _FAULTS else None
    said = here.complaints.get(kind) or "nothing more"
    return f"OpenVINO finds no {kind} here: " + (fault or f"it says {said}. See {_DRIVERS[kind]}")


def tell() -> None:
    """Print what ``probe_openvino`` returns, as JSON: what the process it starts does."""
    try:
        openvino = require("openvino", extra="openvino", needed_for="Running on OpenVINO")
    except MissingExtraError as err:
        answer: dict[str, object] = {"missing": str(err)}
    else:
        answer = asdict(_look(openvino.Core()))
    sys.stdout.write(json.dumps(answer) + "\n")


def _ask(code: str) -> OpenVinoHere:
    answer = ask_apart(code, "OpenVINO's devices", _PATIENCE_S)
    if "missing" in answer:
        raise MissingExtraError(answer["missing"])
    devices = tuple(
        OpenVinoDevice(d["name"], d["full_name"], tuple(d["capabilities"]))
        for d in answer["devices"]
    )
    return OpenVinoHere(devices, answer["complaints"], tuple(answer["libraries"]))


def _look(core: Any) -> OpenVinoHere:
    names = core.available_devices
    devices = tuple(
        OpenVinoDevice(
            name,
            core.get_property(name, "FULL_DEVICE_NAME"),
            tuple(core.get_property(name, "OPTIMIZATION_CAPABILITIES")),
        )
        for name in names
    )
    missing = set(KNOWN) - {_kind(name) for name in names}
    complaints = {kind: _complaint(core, kind) for kind in sorted(missing)}
    return OpenVinoHere(devices, complaints, tuple(filter(_loads, LIBRARIES)))


def _complaint(core: Any, kind: str) -> str:
    """Return the last line of what OpenVINO says when asked for a device it did not list."""
    try:
        core.get_property(kind, "FULL_DEVICE_NAME")
    except RuntimeError as err:
        return str(err).strip().splitlines()[-1]
    return ""


def _kind(name: str) -> str:
    return name.partition(".")[0]


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def _require_known(device: str, names: Iterable[str]) -> None:
    kind, dot, number = device.partition(".")
    if kind in KNOWN and (not dot or number.isdecimal()):
        return
    found = ", ".join(names) or "none"
    raise ConfigError(
        f"OpenVINO knows no device '{device}': expected one of {', '.join(KNOWN)}, or GPU.1 for a "
        f"second GPU. Found here: {found}. Name one of these."
    )
