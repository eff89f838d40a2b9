"""What OpenVINO's GPU and NPU need of a Linux system, and which of it is missing.

Source:
    "Configurations for Intel Processor Graphics (GPU) with OpenVINO",
    https://docs.openvino.ai/2025/get-started/install-openvino/configurations/configurations-intel-gpu.html
    "NPU software stack", "Troubleshooting", https://github.com/intel/linux-npu-driver,
    docs/overview.md; PCI numbers of NPUs: https://github.com/openvinotoolkit/openvino,
    src/plugins/intel_npu/README.md.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

OPENCL = "libOpenCL.so.1"
LOADER = "libze_loader.so.1"
# Named npu since version 1.16 of the driver; loaders find it under either name.
NPU_DRIVERS = ("libze_intel_npu.so.1", "libze_intel_vpu.so.1")
LIBRARIES = (OPENCL, LOADER, *NPU_DRIVERS)

_INTEL = "0x8086"
_NPUS = frozenset({"0x7d1d", "0xad1d", "0x643e", "0xb03e", "0xfd3e"})
_NPU_RELEASES = "https://github.com/intel/linux-npu-driver/releases"
_JOIN = "sudo usermod -a -G render $USER, then log in again"


@dataclass(frozen=True)
class System:
    """Where a Linux system keeps what is looked at.

    Attributes:
        root: The folder that holds ``dev``, ``sys``, ``etc`` and ``lib``.
    """

    root: Path = Path("/")


def gpu_fault(system: System, libraries: Collection[str]) -> str | None:
    """Return what keeps OpenVINO from an Intel GPU and what to do; ``None`` where nothing shows.

    Args:
        system: What is looked at.
        libraries: Those of ``LIBRARIES`` that load here.
    """
    if not (system.root / "dev" / "dxg").exists():  # Windows hands its GPU on as that one
        nodes = sorted((system.root / "dev" / "dri").glob("renderD*"))
        fault = _no_gpu(system, nodes) or _no_permission(nodes)
        if fault:
            return fault
    if OPENCL not in libraries:
        return f"there is no {OPENCL}: sudo apt install ocl-icd-libopencl1 intel-opencl-icd"
    vendors = system.root / "etc" / "OpenCL" / "vendors"
    if not any("libigdrcl" in _read(file) for file in vendors.glob("*.icd")):
        return (
            "OpenCL has no driver for Intel's GPUs: expected a file in /etc/OpenCL/vendors that "
            "names libigdrcl.so, found none: sudo apt install intel-opencl-icd"
        )
    return None


def npu_fault(system: System, libraries: Collection[str]) -> str | None:
    """Return what keeps OpenVINO from an Intel NPU and what to do; ``None`` where nothing shows.

    Args:
        system: What is looked at.
        libraries: Those of ``LIBRARIES`` that load here.
    """
    nodes = sorted((system.root / "dev" / "accel").glob("accel*"))
    fault = _no_npu(system) if not nodes else _no_permission(nodes)
    if fault:
        return fault
    if LOADER not in libraries:
        return f"there is no {LOADER}, the loader of Level Zero: sudo apt install libze1"
    if not set(NPU_DRIVERS) & set(libraries):
        return (
            f"there is no {NPU_DRIVERS[0]}, the driver's part outside the kernel: install the "
            f"package intel-level-zero-npu from {_NPU_RELEASES}"
        )
    return None


def _no_gpu(system: System, nodes: Sequence[Path]) -> str | None:
    if not nodes:
        return (
            "there is no /dev/dri/renderD*: expected a GPU whose kernel module (i915 or xe) is "
            "loaded. In a container, pass it on: docker run --device /dev/dri"
        )
    shown = system.root / "sys" / "class" / "drm"
    vendors = {_read(shown / node.name / "device" / "vendor") for node in nodes}
    if vendors & {_INTEL, ""}:  # a system that hides the vendor may have one
        return None
    return (
        f"no GPU here is Intel's: expected PCI vendor {_INTEL}, found {', '.join(sorted(vendors))}"
    )


def _no_npu(system: System) -> str:
    """Return why there is no device file of an NPU."""
    if not (system.root / "sys" / "module" / "intel_vpu").exists():
        if not _has_npu(system):
            return (
                "there is no /dev/accel/accel*, and no Intel NPU on the PCI bus: expected a Core "
                "Ultra processor. Where this is one, update the kernel, and look for the NPU in "
                "the BIOS settings"
            )
        return "its kernel module is not loaded: sudo modprobe intel_vpu (Linux 6.6 and later)"
    firmware = system.root / "lib" / "firmware"
    if not any(any((firmware / at / "intel" / "vpu").glob("*")) for at in (".", "updates")):
        return (
            "its firmware is missing in /lib/firmware/intel/vpu: install the package intel-fw-npu "
            f"from {_NPU_RELEASES}, then sudo rmmod intel_vpu; sudo modprobe intel_vpu"
        )
    return (
        "the kernel module intel_vpu is loaded, and there is no /dev/accel/accel*: sudo dmesg | "
        "grep intel_vpu says why. In a container, pass it on: docker run --device /dev/accel"
    )


def _has_npu(system: System) -> bool:
    devices = (system.root / "sys" / "bus" / "pci" / "devices").glob("*")
    return any(_read(d / "vendor") == _INTEL and _read(d / "device") in _NPUS for d in devices)


def _no_permission(nodes: Sequence[Path]) -> str | None:
    if any(os.access(node, os.R_OK | os.W_OK) for node in nodes):
        return None
    return f"you may not use /{'/'.join(nodes[0].parts[-3:])}: {_JOIN}"


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""
