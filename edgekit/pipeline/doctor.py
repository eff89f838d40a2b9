"""``edgekit doctor``: what is installed here, and what is not."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from edgekit.backends.cuda import CudaGpu, probe_cuda
from edgekit.backends.openvino_devices import KNOWN, absence, probe_openvino
from edgekit.config.device import detect_host
from edgekit.errors import MissingError

_OPTIONAL = {
    "openvino": "pip install 'edgekit[openvino]'",
    "nncf": "pip install 'edgekit[openvino]'",
    "torch": "pip install 'edgekit[torch]'",
    "onnxscript": "pip install 'edgekit[torch]'",
    "tensorrt": "pip install 'edgekit[tensorrt]', on a machine with an NVIDIA driver",
}


@dataclass(frozen=True)
class Finding:
    """One part of this installation: its state, and what to type to change it."""

    part: str
    state: str
    advice: str = ""


def diagnose() -> tuple[Finding, ...]:
    """Return what was found, the parts that every conversion needs first."""
    host = detect_host()
    weights = (
        "products are summed in 32 bits" if host.exact_u8s8 else "in 16 bits: weights are paired"
    )
    return (
        Finding("python", platform.python_version()),
        Finding("processor", host.name),
        Finding("instructions", " ".join(host.cpu.isa) or "not told by the system", weights),
        *(_package(name, "pip install edgekit") for name in ("onnxruntime", "onnx", "onnxsim")),
        *(_package(name, advice) for name, advice in _OPTIONAL.items()),
        _gpu(probe_cuda()),
        *_openvino(),
    )


def _openvino() -> tuple[Finding, ...]:
    """Return a finding for each processor OpenVINO finds, and for each kind it finds none of."""
    try:
        here = probe_openvino()
    except MissingError as err:
        return tuple(Finding(f"OpenVINO {kind}", "none that runs", str(err)) for kind in KNOWN)
    found = [
        Finding(f"OpenVINO {d.name}", d.full_name, " ".join(d.precisions)) for d in here.devices
    ]
    reasons = {kind: absence(kind, here) for kind in KNOWN}
    missing = [
        Finding(f"OpenVINO {kind}", "none that runs", reason)
        for kind, reason in reasons.items()
        if reason is not None
    ]
    return (*found, *missing)


def _gpu(found: CudaGpu) -> Finding:
    if found.absence is not None:
        return Finding("GPU", "none that runs", found.absence)
    return Finding("GPU", found.name, f"compute capability {found.compute_capability:g}")


def _package(name: str, advice: str) -> Finding:
    try:
        return Finding(name, version(name))
    except PackageNotFoundError:
        return Finding(name, "not installed", advice)
