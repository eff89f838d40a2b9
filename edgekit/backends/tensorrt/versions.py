"""What each TensorRT from 8.5 to 11 is told, and which JetPack ships it, as data.

All precision is in the ONNX file, so versions differ in flags only. A weakly typed network (8.x,
10.0 to 10.11) takes float32 tensors with Q/DQ and chooses float16 and INT8 itself where flags let
it; a strongly typed one (10.12 and later) takes every type from the file.

Source:
    NVIDIA/TensorRT, ``samples/common/sampleOptions.cpp`` and ``sampleOptions.h`` of 8.5, 8.6, 10.x
    and 11.x; trtexec's own ``--help`` of 8.5.3 and 10.5; "Migrating trtexec Usage from TensorRT
    10.x to 11.x" and "ONNX Opset Guide" (TensorRT documentation, 11.4.1); the Python bindings of
    8.6.1, 10.3, 10.16 and 11.4. Nothing here was tried on a Jetson.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from edgekit.errors import ConfigError

if TYPE_CHECKING:
    from types import ModuleType

Typing = Literal["weak", "strong"]
Built = Literal["int8", "fp16", "fp32"]
"""Precisions an engine is built for."""

_DIGITS = re.compile(r"\s*v?(\d+)\.(\d+)(?:\.(\d+))?(?:[.\-+]\S*)?\s*")


@dataclass(frozen=True)
class JetPack:
    """A release of NVIDIA's system for Jetson boards.

    Attributes:
        name: As people call it.
        l4t: Releases of Linux for Tegra it comes with.
        tensorrt: The TensorRT it installs.
        boards: Those it runs on.
        python: The system's Python, which TensorRT's bindings are bound to.
        refused: Why nothing is built for it; ``None`` where it is.
    """

    name: str
    l4t: str
    tensorrt: str
    boards: str
    python: str
    refused: str | None = None


@dataclass(frozen=True)
class TensorRt:
    """What the releases ``first`` to ``last`` have in common.

    Attributes:
        first: Major and minor number.
        last: Major and minor number, included.
        typing: Which of a model's files it is given.
        opset: The opset edgekit writes for it.
        opset_max: The newest one its parser takes; ``None`` where no document was found.
        network_flags: Of ``NetworkDefinitionCreationFlag``, by name.
        int8_flags: Of ``BuilderFlag``, for a network with Q/DQ.
        fp16_flags: Of ``BuilderFlag``, for one without.
        build_only: trtexec's flag that ends it after the build.
        graph_on: trtexec's flags for a CUDA graph; none where that is the default.
        graph_off: Those that keep trtexec from one.
        time_flags: trtexec's flags for spin wait; none where that is the default.
        transfer_flags: Those for data copied to the GPU and back; none where that is the default.
        profile_flags: What keeps the profiler out of the runs that are timed.
        dla: Precisions that its deep-learning accelerator takes from our files.
    """

    first: tuple[int, int]
    last: tuple[int, int]
    typing: Typing
    opset: int
    opset_max: int | None
    network_flags: tuple[str, ...]
    int8_flags: tuple[str, ...]
    fp16_flags: tuple[str, ...]
    build_only: str
    graph_on: tuple[str, ...]
    graph_off: tuple[str, ...]
    time_flags: tuple[str, ...]
    transfer_flags: tuple[str, ...]
    profile_flags: tuple[str, ...]
    dla: tuple[Built, ...]

    @property
    def name(self) -> str:
        """``8.5``, or ``10.0 to 10.7`` where there are several."""
        first, last = (".".join(map(str, end)) for end in (self.first, self.last))
        return first if first == last else f"{first} to {last}"


@dataclass(frozen=True)
class Capabilities:
    """What an imported ``tensorrt`` has, whatever its version says.

    Attributes:
        explicit_batch: Its flag exists, so it is passed; needed before 10, gone in 11.
        strongly_typed: Networks may take their types from the file.
        precision_flags: The builder is told which precisions it may choose: FP16 and INT8 both.
        execute_async_v3: Tensors are bound by name.
        bindings: Tensors are bound by index, the API of 8.x.
        dla_in_parser: The parser tells what the accelerator takes.
    """

    explicit_batch: bool
    strongly_typed: bool
    precision_flags: bool
    execute_async_v3: bool
    bindings: bool
    dla_in_parser: bool


# From 11 on CUDA graph, spin wait, no copies and a profile run apart are the defaults, and the old
# flags only print a warning. Copies are timed here: a frame has to get to the GPU.
_UNTIL_10 = {
    "graph_on": ("--useCudaGraph",),
    "graph_off": (),
    "time_flags": ("--useSpinWait",),
    "transfer_flags": (),
    "profile_flags": ("--separateProfileRun",),
}
_FROM_11 = {
    "graph_on": (),
    "graph_off": ("--noCudaGraph",),
    "time_flags": (),
    "transfer_flags": ("--includeDataTransfers",),
    "profile_flags": (),
}
_WEAK: Typing = "weak"
_STRONG: Typing = "strong"
# Without FP16 beside INT8 all that is not INT8 would run in float32.
_FLAGS = {"int8_flags": ("INT8", "FP16"), "fp16_flags": ("FP16",)}
_NO_FLAGS: dict[str, tuple[str, ...]] = {"int8_flags": (), "fp16_flags": ()}
# Q/DQ is not accepted on the accelerator in 8 and 10, and nobody has tried it in 11.4.
_DLA: tuple[Built, ...] = ("fp16",)
_WEAK_OPSET = 17
_STRONG_OPSET = 19  # the first whose scales may be float16

VERSIONS = (
    TensorRt(
        first=(8, 5),
        last=(8, 5),
        typing=_WEAK,
        opset=_WEAK_OPSET,
        opset_max=None,
        network_flags=("EXPLICIT_BATCH",),
        build_only="--buildOnly",
        dla=_DLA,
        **_FLAGS,
        **_UNTIL_10,
    ),
    TensorRt(
        first=(8, 6),
        last=(8, 6),
        typing=_WEAK,
        opset=_WEAK_OPSET,
        opset_max=None,
        network_flags=("EXPLICIT_BATCH",),
        build_only="--skipInference",
        dla=_DLA,
        **_FLAGS,
        **_UNTIL_10,
    ),
    TensorRt(
        first=(10, 0),
        last=(10, 7),
        typing=_WEAK,
        opset=_WEAK_OPSET,
        opset_max=None,
        network_flags=(),
        build_only="--skipInference",
        dla=_DLA,
        **_FLAGS,
        **_UNTIL_10,
    ),
    TensorRt(
        first=(10, 8),
        last=(10, 11),
        typing=_WEAK,
        opset=_WEAK_OPSET,
        opset_max=None,
        network_flags=(),
        build_only="--skipInference",
        dla=(),
        **_FLAGS,
        **_UNTIL_10,
    ),
    TensorRt(
        first=(10, 12),
        last=(10, 16),
        typing=_STRONG,
        opset=_STRONG_OPSET,
        opset_max=None,
        network_flags=("STRONGLY_TYPED",),
        build_only="--skipInference",
        dla=(),
        **_NO_FLAGS,
        **_UNTIL_10,
    ),
    TensorRt(
        first=(11, 0),
        last=(11, 3),
        typing=_STRONG,
        opset=_STRONG_OPSET,
        opset_max=25,
        network_flags=(),
        build_only="--skipInference",
        dla=(),
        **_NO_FLAGS,
        **_FROM_11,
    ),
    TensorRt(
        first=(11, 4),
        last=(11, 4),
        typing=_STRONG,
        opset=_STRONG_OPSET,
        opset_max=25,
        network_flags=(),
        build_only="--skipInference",
        dla=_DLA,
        **_NO_FLAGS,
        **_FROM_11,
    ),
)

_JETPACK_4 = (
    "it ends at TensorRT 8.2 and Python 3.6; Nano and TX2 (compute capability 5.3 and 6.2) have "
    "nothing newer and compute no INT8 in TensorRT, Xavier boards take JetPack 5.1"
)
JETPACKS = (
    JetPack("4.6", "32.6 to 32.7", "8.2.1", "Nano, TX2, Xavier NX, AGX Xavier", "3.6", _JETPACK_4),
    JetPack("5.0", "35.1", "8.4.1", "Xavier, AGX Orin", "3.8", "the board takes JetPack 5.1"),
    JetPack("5.1", "35.2 to 35.6", "8.5.2", "Xavier, Orin", "3.8"),
    JetPack("6.0", "36.3", "8.6.2", "Orin", "3.10"),
    JetPack("6.1 and 6.2", "36.4 to 36.5", "10.3.0", "Orin", "3.10"),
    JetPack("7.0 and 7.1", "38.2 to 38.4", "10.13", "Thor", "3.12"),
    JetPack("7.2", "39.2", "10.16", "Orin, Thor", "3.12"),
)


def numbers_of(version: str) -> tuple[int, int, int]:
    """Return major, minor and patch of ``10.3.0``, ``8.6`` or ``11.4.1.12``; a missing patch is 0.

    Raises:
        ConfigError: It is no version.
    """
    found = _DIGITS.fullmatch(version)
    if found is None:
        raise ConfigError(f"TensorRT version: expected digits like '10.3.0', found '{version}'.")
    return int(found[1]), int(found[2]), int(found[3] or 0)


def entry_of(version: str) -> TensorRt:
    """Return what holds for ``version``.

    Raises:
        ConfigError: It is older or newer than the table, or no version; says what to install.
    """
    release = numbers_of(version)[:2]
    for entry in VERSIONS:
        if entry.first <= release <= entry.last:
            return entry
    oldest, newest = (".".join(map(str, end)) for end in (VERSIONS[0].first, VERSIONS[-1].last))
    if release < VERSIONS[0].first:
        raise ConfigError(
            f"TensorRT {version}: expected {oldest} or later. {_refusal(release)} "
            "Install JetPack 5.1 or later where the board takes it."
        )
    raise ConfigError(
        f"TensorRT {version}: the table of versions has none like it between {oldest} and "
        f"{newest}. Update edgekit (pip install -U edgekit), or install TensorRT {newest}."
    )


def _refusal(release: tuple[int, int]) -> str:
    for jetpack in JETPACKS:
        if jetpack.refused and release <= numbers_of(jetpack.tensorrt)[:2]:
            return f"JetPack {jetpack.name} comes with it: {jetpack.refused}."
    return "Its flags are not in the table of versions."


def jetpacks_with(entry: TensorRt) -> tuple[JetPack, ...]:
    """Return the JetPacks that install a TensorRT of ``entry``."""
    return tuple(
        jetpack
        for jetpack in JETPACKS
        if entry.first <= numbers_of(jetpack.tensorrt)[:2] <= entry.last
    )


def capabilities_of(tensorrt: ModuleType) -> Capabilities:
    """Return what ``tensorrt``, an imported module of any version, has.

    Attributes tell more than a version: vendors rebuild and patch.
    """
    network, builder = tensorrt.NetworkDefinitionCreationFlag, tensorrt.BuilderFlag
    context, engine = tensorrt.IExecutionContext, tensorrt.ICudaEngine
    parser = getattr(tensorrt, "OnnxParserFlag", None)
    return Capabilities(
        explicit_batch=hasattr(network, "EXPLICIT_BATCH"),
        strongly_typed=hasattr(network, "STRONGLY_TYPED"),
        precision_flags=hasattr(builder, "INT8") and hasattr(builder, "FP16"),
        execute_async_v3=hasattr(context, "execute_async_v3"),
        bindings=hasattr(engine, "get_binding_index"),
        dla_in_parser=hasattr(parser, "REPORT_CAPABILITY_DLA"),
    )
