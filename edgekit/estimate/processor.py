"""What of a device runs a network, with the few figures that its time follows from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from edgekit.config.device import Figure

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from edgekit.config.device import Cpu, Device, Gpu, Npu, Part
    from edgekit.values import Precision

Runtime = Literal["tensorrt", "openvino", "onnxruntime", "ncnn"]
Family = Literal[
    "tensorrt-gpu",
    "openvino-cpu",
    "openvino-gpu",
    "openvino-npu",
    "onnxruntime-x86",
    "onnxruntime-arm",
    "ncnn-arm",
]
FAMILIES: dict[Family, Runtime] = {
    "tensorrt-gpu": "tensorrt",
    "openvino-cpu": "openvino",
    "openvino-gpu": "openvino",
    "openvino-npu": "openvino",
    "onnxruntime-x86": "onnxruntime",
    "onnxruntime-arm": "onnxruntime",
    "ncnn-arm": "ncnn",
}

_USED = (  # of a device's figures, those that an estimate follows from
    *("cores", "fast_cores", "clock", "fp32_peak", "int8_peak"),
    *("vector_tflops", "fp32_tflops", "fp16_tflops", "int8_tops", "bandwidth"),
)
_ASSUMED = "Assumed of processors with these instruction sets"
_X86_CLOCK, _ARM_CLOCK = 3.5, 2.0  # GHz, of a computer that does not tell
_GB_PER_CORE, _MOST_GB = 10.0, 40.0


@dataclass(frozen=True)
class Processor:
    """A processor of a device, as one runtime uses it.

    Attributes:
        device: Name of the device's file.
        title: The device as people call it.
        part: Which of the device's processors.
        family: Kind of processor and runtime, whose constants hold for it.
        peaks: Operations per second by precision, a multiply-add counted as two.
        vector: The same in 32-bit floats, beside its matrix units.
        bandwidth: Bytes per second, of the memory it works in.
        clock: Cycles per second.
        memory: Bytes of that memory; ``None`` where nobody says.
        unverified: Names of the figures nobody has read in their source.
    """

    device: str
    title: str
    part: Part
    family: Family
    peaks: Mapping[Precision, float]
    vector: float
    bandwidth: float
    clock: float = 1e9
    memory: float | None = None
    unverified: tuple[str, ...] = ()

    @property
    def runtime(self) -> Runtime:
        """What runs the network."""
        return FAMILIES[self.family]


def processors_of(name: str, device: Device) -> tuple[Processor, ...]:
    """Return what may run a network on ``device``; nothing where its figures are not known.

    A computer that was detected tells neither its clock nor its memory's bandwidth: those are
    assumed, and named as unverified.

    Args:
        name: Of the device's file.
        device: What that says.
    """
    return tuple(_each(name, device))


def _each(name: str, device: Device) -> Iterator[Processor]:
    if device.gpu is not None:
        yield from _gpu(name, device, device.gpu)
    if device.npu is not None:
        yield from _npu(name, device, device.npu)
    if "cpu" in device.parts:
        yield from _cpu(name, device, _completed(device.cpu))


def _gpu(name: str, device: Device, gpu: Gpu) -> Iterator[Processor]:
    bandwidth, memory = gpu.bandwidth or device.bandwidth, gpu.memory or device.memory
    peaks = _known(fp32=gpu.fp32_tflops, fp16=gpu.fp16_tflops, int8=gpu.int8_tops)
    if gpu.fp16_tflops is None or gpu.clock is None or bandwidth is None:
        return
    nvidia = gpu.compute_capability is not None
    yield Processor(
        device=name,
        title=device.name,
        part="gpu",
        family="tensorrt-gpu" if nvidia else "openvino-gpu",
        peaks=peaks,
        vector=1e12 * (gpu.vector_tflops or gpu.fp16_tflops).value,
        bandwidth=1e9 * bandwidth.value,
        clock=1e9 * gpu.clock.value,
        memory=_bytes(memory),
        unverified=_unverified(gpu.model_copy(update={"bandwidth": bandwidth})),
    )


def _npu(name: str, device: Device, npu: Npu) -> Iterator[Processor]:
    if npu.fp16_tflops is None or device.bandwidth is None:
        return
    yield Processor(
        device=name,
        title=device.name,
        part="npu",
        family="openvino-npu",
        peaks=_known(fp16=npu.fp16_tflops, int8=npu.int8_tops),
        vector=1e12 * npu.fp16_tflops.value,
        bandwidth=1e9 * device.bandwidth.value,
        memory=_bytes(device.memory),
        unverified=_unverified(npu),
    )


def _cpu(name: str, device: Device, cpu: Cpu) -> Iterator[Processor]:
    cores = cpu.fast_cores or cpu.cores
    if cores is None or cpu.clock is None or cpu.fp32_peak is None:
        return
    bandwidth = device.bandwidth or _assumed(min(_MOST_GB, _GB_PER_CORE * cores.value), "GB/s")
    clock = 1e9 * cpu.clock.value
    peaks: dict[Precision, float] = {"fp32": cores.value * clock * cpu.fp32_peak.value}
    if cpu.int8_peak is not None:
        peaks["int8"] = cores.value * clock * cpu.int8_peak.value
    x86: tuple[Family, ...] = ("openvino-cpu", "onnxruntime-x86")
    arm: tuple[Family, ...] = ("onnxruntime-arm", "ncnn-arm")
    unverified = _unverified(cpu) + (("bandwidth",) if bandwidth.unverified else ())
    for family in arm if "neon" in cpu.isa else x86:
        floats: dict[Precision, float] = {"fp32": peaks["fp32"]}
        yield Processor(
            device=name,
            title=device.name,
            part="cpu",
            family=family,
            peaks=floats if family == "ncnn-arm" else peaks,
            vector=peaks["fp32"],
            bandwidth=1e9 * bandwidth.value,
            clock=clock,
            memory=_bytes(device.memory),
            unverified=unverified,
        )


def _completed(cpu: Cpu) -> Cpu:
    """Return ``cpu`` with what its instruction sets let one assume in place of what is missing."""
    if cpu.cores is None or not cpu.isa:
        return cpu
    isa, arm = set(cpu.isa), "neon" in cpu.isa
    fp32 = 64.0 if "avx512f" in isa else 16.0 if arm else 32.0
    dots = not isa.isdisjoint({"avx512_vnni", "avx_vnni", "amx_int8", "dotprod"})
    assumed = {
        "clock": _assumed(_ARM_CLOCK if arm else _X86_CLOCK, "GHz"),
        "fp32_peak": _assumed(fp32, "operations/cycle/core"),
        "int8_peak": _assumed(fp32 * (4 if dots else 4 / 3), "operations/cycle/core"),
    }
    if arm and not dots:
        del assumed["int8_peak"]
    missing = {key: figure for key, figure in assumed.items() if getattr(cpu, key) is None}
    # A profile that gives its clock gives its peaks: what it leaves out, it does not have.
    return cpu.model_copy(update=missing) if cpu.clock is None else cpu


def _assumed(value: float, unit: str) -> Figure:
    return Figure(value=value, unit=unit, source=_ASSUMED, unverified=True)


def _known(**tera: Figure | None) -> dict[Precision, float]:
    precisions: tuple[Precision, ...] = ("fp32", "fp16", "int8")
    found = ((p, tera.get(p)) for p in precisions)
    return {precision: 1e12 * figure.value for precision, figure in found if figure is not None}


def _bytes(memory: Figure | None) -> float | None:
    return None if memory is None else memory.value * 2**20


def _unverified(part: Cpu | Gpu | Npu) -> tuple[str, ...]:
    figures = {key: value for key, value in part if isinstance(value, Figure)}
    return tuple(key for key in _USED if key in figures and figures[key].unverified)
