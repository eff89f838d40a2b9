"""What was fitted to published times, as data; benchmarks/roofline.py writes what belongs here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edgekit.estimate.processor import Family
    from edgekit.values import Precision

DEPTHWISE = 0.3
"""Part of the vector units' peak that kernels of one filter per channel reach: a guess, which no
published pair decides."""


@dataclass(frozen=True)
class Constants:
    """How close to its figures a family of processors comes.

    Attributes:
        efficiency: Part of the peak that large layers reach, by precision.
        memory: Part of the bandwidth that layers which wait for it reach.
        cycles: What a layer costs besides, in cycles of the processor,
        seconds: and in seconds.
        moves: Whether joins and splits copy anything.
        fitted_on: Devices whose published times these follow from.
        pairs: How many times those are, of a network at a precision.
        checked_on: Devices whose times decided nothing here.
        checked: How many times those are.
        peaks: Operations per second, in millions of millions, of the slowest and the fastest of
            all these devices, by precision.
        error: Median error on them, as a part of the published time.
        spread: Within which factors of the estimate 80 % of published times lie.
    """

    efficiency: Mapping[Precision, float]
    memory: float
    cycles: float = 0.0
    seconds: float = 0.0
    moves: bool = False
    fitted_on: tuple[str, ...] = ()
    pairs: int = 0
    checked_on: tuple[str, ...] = ()
    checked: int = 0
    peaks: Mapping[Precision, tuple[float, float]] = field(default_factory=dict)
    error: float | None = None
    spread: tuple[float, float] = (0.5, 2.0)


CONSTANTS: Mapping[Family, Constants] = {
    "tensorrt-gpu": Constants(
        efficiency={"fp32": 0.752, "fp16": 0.395, "int8": 0.219},
        memory=0.326,
        cycles=13500.0,
        fitted_on=(
            "jetson-agx-xavier",
            "jetson-orin-nano-8gb-super",
            "jetson-tx2",
            "nvidia-rtx-3080",
            "nvidia-t4",
        ),
        pairs=58,
        checked_on=(
            "jetson-agx-orin-64gb",
            "jetson-nano",
            "jetson-orin-nano-8gb",
            "jetson-orin-nx-16gb",
            "jetson-xavier-nx",
            "nvidia-a100",
            "nvidia-rtx-2060",
            "nvidia-rtx-2080-ti",
            "nvidia-rtx-3060",
            "nvidia-rtx-4090",
        ),
        checked=81,
        peaks={"fp32": (0.236, 156.0), "fp16": (0.472, 330.0), "int8": (13.5, 661.0)},
        error=0.2143,
        spread=(0.69, 1.66),
    ),
    "openvino-cpu": Constants(
        efficiency={"fp32": 0.678, "int8": 0.516},
        memory=0.613,
        seconds=3.4e-05,
        fitted_on=("amd-epyc-2-cores", "intel-lunar-lake", "intel-meteor-lake"),
        pairs=28,
        checked_on=("intel-arrow-lake", "intel-core-i9-12900ks"),
        checked=15,
        peaks={"fp32": (0.525, 1.38), "int8": (2.1, 5.53)},
        error=0.1545,
        spread=(0.7, 1.54),
    ),
    "openvino-gpu": Constants(
        efficiency={"fp16": 0.339, "int8": 0.446},
        memory=0.776,
        cycles=133000.0,
        fitted_on=("intel-arc-a770", "intel-lunar-lake", "intel-meteor-lake"),
        pairs=30,
        checked_on=("intel-arc-b580", "intel-arrow-lake"),
        checked=20,
        peaks={"fp16": (4.1, 138.0), "int8": (8.0, 275.0)},
        error=0.2138,
        spread=(0.53, 1.8),
    ),
    "openvino-npu": Constants(
        efficiency={"fp16": 0.422, "int8": 0.274},
        memory=0.603,
        seconds=6.43e-05,
        fitted_on=("intel-lunar-lake",),
        pairs=10,
        checked_on=("intel-arrow-lake",),
        checked=10,
        peaks={"fp16": (6.5, 24.0), "int8": (13.0, 48.0)},
        error=0.1243,
        spread=(0.66, 1.65),
    ),
    "onnxruntime-x86": Constants(
        efficiency={"fp32": 0.704, "int8": 0.295},
        memory=0.698,
        seconds=1.8e-05,
        moves=True,
        fitted_on=("amd-epyc-2-cores",),
        pairs=8,
        checked_on=("intel-core-i9-12900ks",),
        checked=5,
        peaks={"fp32": (0.525, 1.33), "int8": (2.1, 2.1)},
        error=0.0984,
        spread=(0.66, 1.65),
    ),
    "onnxruntime-arm": Constants(
        efficiency={"fp32": 0.426},
        memory=0.459,
        seconds=1.19e-05,
        moves=True,
        fitted_on=("raspberry-pi-5",),
        pairs=5,
        checked_on=("raspberry-pi-5",),
        checked=2,
        peaks={"fp32": (0.154, 0.154)},
        error=0.2049,
        spread=(0.66, 1.65),
    ),
    "ncnn-arm": Constants(
        efficiency={"fp32": 0.903},
        memory=0.387,
        seconds=1.17e-05,
        moves=True,
        fitted_on=("raspberry-pi-5",),
        pairs=7,
        checked_on=("raspberry-pi-4", "rock-5"),
        checked=10,
        peaks={"fp32": (0.0624, 0.154)},
        error=0.5426,
        spread=(0.53, 2.91),
    ),
}
