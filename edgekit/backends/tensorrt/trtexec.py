"""Command lines of trtexec per TensorRT version, as templates that a bundle carries in its table.

What trtexec prints and writes is read by ``on_device/readings.py``, here and on the board alike.

A run is timed with a CUDA graph and spin wait, with its data copied to the GPU and back, and with
no profiler attached, in every version: trtexec's own defaults changed in 11. Percentiles are taken
from ``--exportTimes``, which has every run. Layers are timed by a command of their own.

Source:
    NVIDIA/TensorRT, ``samples/common/sampleOptions.cpp`` and ``samples/trtexec/trtexec.cpp``, read
    in 8.6, 10.x and 11.x. Not verified, for want of a board: that ``--useDLACore`` together with
    an engine loaded from a file behaves alike in all of them.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, get_args

from edgekit.backends.tensorrt.versions import JETPACKS, VERSIONS, Built
from edgekit.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edgekit.backends.tensorrt.versions import TensorRt

BUILT: tuple[Built, ...] = get_args(Built)
SCHEMA = 1

_BUILD = (
    "--onnx={onnx}",
    "--saveEngine={engine}",
    "--timingCacheFile={timing_cache}",
    "--profilingVerbosity=detailed",
)
_TIME = (
    "--loadEngine={engine}",
    "--warmUp={warmup_ms}",
    "--duration={seconds}",
    "--iterations={iterations}",
    "--percentile=50,90,99",
    "--exportTimes={times}",
)
_PROFILE = (
    "--loadEngine={engine}",
    "--duration=1",
    "--iterations=50",
    "--profilingVerbosity=detailed",
    "--exportLayerInfo={layers}",
    "--exportProfile={profile}",
)
_OUTPUTS = (
    "--loadEngine={engine}",
    "--loadInputs={input}",
    "--exportOutput={outputs}",
    "--warmUp=0",
    "--duration=0",
    "--iterations=1",
)


@dataclass(frozen=True)
class Commands:
    """Arguments of trtexec with names in braces where a file or a number goes.

    Attributes:
        build: Names ``onnx``, ``engine`` and ``timing_cache``.
        time: Names ``engine``, ``times``, ``warmup_ms``, ``seconds`` and ``iterations``.
        profile: Names ``engine``, ``layers`` and ``profile``; its times are not comparable with
            those of ``time``, because layers wait for each other.
        outputs: Names ``engine``, ``input`` (name and file) and ``outputs``; runs once.
    """

    build: tuple[str, ...]
    time: tuple[str, ...]
    profile: tuple[str, ...]
    outputs: tuple[str, ...]


def commands(entry: TensorRt, precision: Built, dla: bool = False) -> Commands:
    """Return what trtexec of ``entry`` is told to build, time and take apart an engine.

    Args:
        entry: Of the version that is on the board.
        precision: What the ONNX file was made for.
        dla: Whether layers go to a deep-learning accelerator, whose number is
            ``dla_core`` in the templates, and to the GPU where it does not take them.

    Raises:
        ConfigError: This version's accelerator does not take such a file.
    """
    if dla and precision not in entry.dla:
        raise ConfigError(_no_dla(entry, precision))
    core = ("--useDLACore={dla_core}",) if dla else ()
    fallback = ("--allowGPUFallback",) if dla else ()
    # An engine with parts on the accelerator cannot be captured in a graph.
    graph = entry.graph_off if dla else entry.graph_on
    return Commands(
        build=(*_BUILD, entry.build_only, *precision_flags(entry, precision), *core, *fallback),
        time=(*_TIME, *graph, *entry.time_flags, *entry.transfer_flags, *core),
        profile=(*_PROFILE, *entry.graph_off, *entry.profile_flags, *core),
        outputs=(*_OUTPUTS, *entry.graph_off, *entry.transfer_flags, *core),
    )


def precision_flags(entry: TensorRt, precision: Built) -> tuple[str, ...]:
    """Return trtexec's precision flags: those of the builder, under trtexec's names.

    float32 is kept from rounding to TF32, so that it is the float32 others are compared with.
    """
    if entry.typing == "strong":
        typed = () if entry.first >= (11, 0) else ("--stronglyTyped",)
        return (*typed, "--noTF32") if precision == "fp32" else typed
    if precision == "fp32":
        return ("--noTF32",)
    flags = entry.int8_flags if precision == "int8" else entry.fp16_flags
    return tuple(f"--{flag.lower()}" for flag in flags)


def filled(template: tuple[str, ...], values: Mapping[str, object]) -> list[str]:
    """Return the arguments of ``template`` with its names replaced by ``values``."""
    return [argument.format(**values) for argument in template]


def table() -> dict[str, Any]:
    """Return all versions with their command lines, as the JSON that goes into a bundle."""
    return {
        "schema": SCHEMA,
        "versions": [_described(entry) for entry in VERSIONS],
        "refused": [
            {"jetpack": jetpack.name, "tensorrt": jetpack.tensorrt, "reason": jetpack.refused}
            for jetpack in JETPACKS
            if jetpack.refused
        ],
    }


def _described(entry: TensorRt) -> dict[str, Any]:
    return {
        "name": entry.name,
        "first": list(entry.first),
        "last": list(entry.last),
        "typing": entry.typing,
        "opset": entry.opset,
        "commands": {name: asdict(commands(entry, name)) for name in BUILT},
        "dla_commands": {name: asdict(commands(entry, name, dla=True)) for name in entry.dla},
    }


def _no_dla(entry: TensorRt, precision: Built) -> str:
    takes = f"takes {', '.join(entry.dla)}" if entry.dla else "is not supported there"
    return (
        f"TensorRT {entry.name}, {precision} on the deep-learning accelerator: it {takes}. "
        "Leave --dla out to build for the GPU."
    )
