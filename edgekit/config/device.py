"""Devices: facts about what a model runs on, each figure with its source."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Literal, Self, get_args

from pydantic import Field, model_validator

from edgekit.config.files import find, names, parse
from edgekit.config.host import read_host
from edgekit.config.schema import Schema

Isa = Literal[
    "avx2", "fma", "avx512f", "avx512_vnni", "avx_vnni", "amx_int8", "neon", "dotprod", "i8mm"
]
_LINUX_FLAGS: dict[Isa, str] = {
    "avx2": "avx2",
    "fma": "fma",
    "avx512f": "avx512f",
    "avx512_vnni": "avx512_vnni",
    "avx_vnni": "avx_vnni",
    "amx_int8": "amx_int8",
    "neon": "asimd",
    "dotprod": "asimddp",
    "i8mm": "i8mm",
}
Part = Literal["cpu", "gpu", "npu"]
# Instruction sets that add four u8 x s8 products straight into 32 bits.
_EXACT = frozenset({"avx512_vnni", "avx_vnni", "amx_int8", "dotprod"})


class Figure(Schema):
    """A number that somebody can check."""

    value: float = Field(gt=0)
    unit: str = Field(min_length=1)
    source: str = Field(
        min_length=8,
        description="Title and address of a public document, or how it was measured.",
    )
    unverified: bool = Field(
        default=False, description="Nobody has read it in the document that first printed it."
    )


class Versions(Schema):
    """The releases of a software that a device runs, as people call them."""

    first: str = Field(min_length=1)
    last: str | None = Field(default=None, description="Left out: releases go on.")
    source: str = Field(min_length=8)
    unverified: bool = False


class Cpu(Schema):
    """The processor.

    ``fp32_peak`` and ``int8_peak`` are per core and clock cycle, a multiply-add counted as two
    operations.
    """

    isa: tuple[Isa, ...] = Field(description="Instruction sets that decide which kernels run.")
    called: tuple[str, ...] = Field(
        default=(),
        description="Patterns with *, ? and [..]: a computer whose processor's own name fits none "
        "of them is another device. None given: the instruction sets decide alone.",
    )
    cores: Figure | None = None
    fast_cores: Figure | None = Field(
        default=None, description="Those a network runs on; left out where all are alike."
    )
    clock: Figure | None = Field(default=None, description="Fastest of those cores, in GHz.")
    fp32_peak: Figure | None = None
    int8_peak: Figure | None = None


class Gpu(Schema):
    """The graphics processor.

    Peaks are of the whole, dense, at ``clock``, a multiply-add counted as two operations: those of
    its matrix units where it has some, which compute 32-bit floats from 19 bits of them.
    """

    compute_capability: Figure | None = Field(
        default=None,
        description="Of the oldest generation it stands for, as NVIDIA numbers them; left out for "
        "GPUs of others.",
    )
    cores: Figure | None = None
    clock: Figure | None = Field(default=None, description="In GHz.")
    vector_tflops: Figure | None = Field(
        default=None, description="In 32-bit floats beside its matrix units."
    )
    fp32_tflops: Figure | None = None
    fp16_tflops: Figure | None = None
    int8_tops: Figure | None = Field(default=None, description="Left out: it has no 8 bits.")
    bandwidth: Figure | None = Field(
        default=None, description="Of a memory of its own, in GB/s; left out where it has none."
    )
    memory: Figure | None = Field(default=None, description="Of its own, in MiB.")
    dla_cores: Figure | None = Field(
        default=None, description="Deep learning accelerators beside it; left out: none."
    )


class Npu(Schema):
    """The processor for neural networks alone."""

    fp16_tflops: Figure | None = None
    int8_tops: Figure | None = Field(
        default=None, description="Peak of the whole, a multiply-add counted as two operations."
    )


class Device(Schema):
    """What a model runs on: a computer with all of its processors that may run the network."""

    version: Literal[1]
    name: str = Field(description="The processor, or the class of processors it stands for.")
    kind: Part = Field(
        description="Which of its processors runs the network where a recipe does not say."
    )
    cpu: Cpu = Field(default=Cpu(isa=()), description="Left out where it is of no concern.")
    gpu: Gpu | None = None
    npu: Npu | None = None
    memory: Figure | None = None
    bandwidth: Figure | None = Field(default=None, description="Of that memory, in GB/s.")
    jetpack: Versions | None = Field(default=None, description="Of a Jetson.")
    tensorrt: Versions | None = None
    threads: int | None = Field(
        default=None, ge=1, description="Threads a session gets; none: one per physical core."
    )

    @model_validator(mode="after")
    def _describes_what_runs(self) -> Self:
        if self.kind not in self.parts:
            raise ValueError(f"a device of kind '{self.kind}' needs the key '{self.kind}'")
        return self

    @property
    def parts(self) -> tuple[Part, ...]:
        """Which of its processors it describes."""
        given = self.model_fields_set
        return tuple(p for p in get_args(Part) if p in given and getattr(self, p) is not None)

    @property
    def compute_capability(self) -> float | None:
        """The oldest generation of NVIDIA GPUs it stands for; ``None`` where it has none."""
        oldest = self.gpu and self.gpu.compute_capability
        return oldest.value if oldest else None

    @property
    def exact_u8s8(self) -> bool:
        """Whether weights may use all of 8 bits: sums of u8 x s8 products are kept in 32 bits.

        Without it (AVX2, AVX-512 before VNNI) pairs of products are summed in 16 bits, which
        saturate unless weights leave room for it.
        """
        return not _EXACT.isdisjoint(self.cpu.isa)


class DetectedDevice(Schema):
    """The computer edgekit runs on, asked each time."""

    version: Literal[1]
    kind: Literal["detect"]


def find_device(name: str) -> Device:
    """Return the device called ``name``, or of the YAML file ``name`` is a path to.

    Raises:
        UnknownNameError: There is no such device.
        ConfigError: The file is not a valid device.
    """
    file = find("device", name)
    if file.content.get("kind") == "detect":
        parse(DetectedDevice, file.content, file.path)
        return detect_host()
    return parse(Device, file.content, file.path)


def list_devices() -> tuple[str, ...]:
    """Return the names ``--device`` takes, sorted."""
    return names("device")


def is_here(device: Device) -> bool:
    """Return whether this computer is one of those that ``device`` stands for, as its CPU tells.

    It has every instruction set named, sums products of 8-bit numbers the same way, and a name
    that fits. Another of its processors is not looked for here: asking for one takes a process of
    its own (``probe_cuda``, ``probe_openvino``).
    """
    if "cpu" not in device.parts:
        return False
    host, patterns = detect_host(), device.cpu.called
    known = set(device.cpu.isa) <= set(host.cpu.isa)
    named = not patterns or any(fnmatchcase(host.name, pattern) for pattern in patterns)
    return known and named and device.exact_u8s8 == host.exact_u8s8


def detect_host() -> Device:
    """Return this computer as a device; instruction sets it does not tell are missing."""
    host = read_host()
    memory = Figure(value=host.memory_mib, unit="MiB", source="psutil.virtual_memory() on it")
    cores = Figure(value=host.cores, unit="cores", source="psutil.cpu_count() on it")
    return Device(
        version=1,
        name=host.name,
        kind="cpu",
        cpu=Cpu(
            isa=tuple(isa for isa, flag in _LINUX_FLAGS.items() if flag in host.flags), cores=cores
        ),
        memory=memory,
        threads=host.cores,
    )
