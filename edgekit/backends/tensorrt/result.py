"""What a bundle brought back from a board, read and judged."""

from __future__ import annotations

import hashlib
import json
from pathlib import PurePosixPath
from statistics import median
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from edgekit.backends.tensorrt.bundle import MANIFEST, RESULT
from edgekit.backends.tensorrt.on_device.readings import times_of
from edgekit.backends.tensorrt.versions import Built, Typing
from edgekit.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

# Of an engine's time, in copies between formats: less is usual at the borders of a network.
_COPIES = 0.15


def _inside(name: str) -> str:
    """Return the name of a file in ``result``: a board may not name any other."""
    path = PurePosixPath(name)
    if path.parts[:1] != ("result",) or ".." in path.parts:
        raise ValueError(f"expected a file in result/, found '{name}'")
    return name


_File = Annotated[str, AfterValidator(_inside)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Times(_Part):
    """Spread of the times of runs, in milliseconds."""

    p50: float
    p90: float
    p99: float
    min: float
    max: float
    mean: float
    runs: int


class State(_Part):
    """How the board was at one moment."""

    temperatures_c: dict[str, float]
    gpu_mhz: float | None
    over_currents: int | None
    alerts: tuple[str, ...]


class Power(_Part):
    """Mean power while an engine ran."""

    watts: float
    samples: int
    rails: tuple[str, ...]
    source: str


class Round(_Part):
    """One round of one precision; ``times`` is the file with every run.

    ``slowed_down`` are the reasons for which the board held itself back meanwhile.
    """

    latency_ms: Times
    compute_ms: Times
    h2d_ms: Times
    d2h_ms: Times
    throughput_qps: float
    times: _File
    before: State
    after: State
    slowed_down: tuple[str, ...]
    power: Power | None
    clocks_locked: bool | None


class Layer(_Part):
    """One layer of an engine; ``reformat`` is a copy between formats, ``ms`` its mean time."""

    name: str
    type: str
    precision: str
    reformat: bool
    dla: bool
    ms: float | None


class Layers(_Part):
    """What the layers compute in; copies between formats are counted apart."""

    layers: tuple[Layer, ...]
    by_precision: dict[str, int]
    ms_by_precision: dict[str, float | None]
    reformats: int
    reformat_ms: float | None
    dla: int


class Engine(_Part):
    """The engine's sidecar: ``made_of`` is what it was built of and for.

    ``fell_back`` are layers that went to the GPU because the accelerator does not take them.
    """

    made_of: dict[str, Any]
    sha256: str
    bytes: int
    build_s: float
    fell_back: tuple[str, ...]
    reused: bool


class Output(_Part):
    """A file of little-endian float32 values, and their shape."""

    file: _File
    shape: tuple[int, ...]


class BoardRow(_Part):
    """One precision; ``outputs`` by input, then by the output's name."""

    onnx: str
    engine: Engine
    arguments: dict[str, tuple[str, ...]]
    layers: Layers
    rounds: tuple[Round, ...]
    latency_ms: Times
    compute_ms: Times
    outputs: dict[str, dict[str, Output]]


class Release(_Part):
    """Of TensorRT."""

    version: str
    build: str | None


class BoardResult(_Part):
    """``result.json``: measured on the board that it names, by the files of one bundle."""

    schema_version: Literal[1] = Field(alias="schema")
    bundle_sha256: str
    edgekit: str
    model: dict[str, Any]
    tensorrt: Release
    typing: Typing
    device: dict[str, Any]
    board: dict[str, Any]
    power_mode: str | None
    clocks_locked: bool | None
    dla_core: int | None
    key: str
    rows: dict[Built, BoardRow]


def read_result(folder: Path) -> BoardResult:
    """Return the result in a bundle's folder.

    Raises:
        ConfigError: There is none, it is damaged, or it was measured with another bundle.
    """
    path = folder / RESULT
    if not path.is_file():
        raise ConfigError(f"{path}: not there. Run 'python3 measure.py' in it, on the board.")
    try:
        result = BoardResult.model_validate_json(path.read_bytes())
    except ValidationError as err:
        raise ConfigError(f"{path}: expected what measure.py writes, found {err}") from err
    bundle = hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest()
    if result.bundle_sha256 != bundle:
        raise ConfigError(
            f"{path}: measured with bundle {result.bundle_sha256[:12]}…, but {folder} is "
            f"{bundle[:12]}…. Run 'python3 measure.py' with this bundle."
        )
    return result


def runs_of(folder: Path, row: BoardRow) -> list[list[float]]:
    """Return the latency of every run in milliseconds, round by round."""
    return [
        times_of(json.loads((folder / one.times).read_bytes()), one.latency_ms.runs)["latency"]
        for one in row.rounds
    ]


def outputs_of(folder: Path, row: BoardRow, name: str) -> dict[str, NDArray[np.float32]]:
    """Return the outputs of the input ``name``, with the six digits that trtexec prints."""
    return {
        output: np.fromfile(folder / stored.file, "<f4").reshape(stored.shape)
        for output, stored in row.outputs[name].items()
    }


def findings_of(result: BoardResult) -> tuple[str, ...]:
    """Return what speaks against the engines, as sentences.

    Times of a board that slowed down, layers that did not become what they should, copies between
    formats that take long, layers that left the accelerator, INT8 no faster than float16.
    """
    found = [said for name, row in result.rows.items() for said in _of_row(name, row, result)]
    int8, fp16 = result.rows.get("int8"), result.rows.get("fp16")
    if int8 and fp16:
        found += _of_both(int8, fp16)
    return tuple(found)


def _of_row(name: str, row: BoardRow, result: BoardResult) -> list[str]:
    layers, found = row.layers, []
    if name not in layers.by_precision:
        have = ", ".join(f"{count} {kind}" for kind, count in layers.by_precision.items())
        found.append(f"{name}: no layer computes in {name}; they are {have or 'unknown'}.")
    slowed = [reason for one in row.rounds for reason in one.slowed_down]
    if slowed:
        found.append(f"{name}: its times do not count, the board slowed itself down: {slowed[0]}.")
    times = [layer.ms for layer in layers.layers if layer.ms is not None]
    if layers.reformat_ms is not None and times and layers.reformat_ms > _COPIES * sum(times):
        found.append(
            f"{name}: {layers.reformats} copies between formats take "
            f"{layers.reformat_ms / sum(times):.0%} of its time."
        )
    if result.dla_core is not None and layers.dla == 0:
        found.append(f"{name}: nothing runs on the deep-learning accelerator, all fell back.")
    elif row.engine.fell_back:
        first = row.engine.fell_back[0]
        found.append(
            f"{name}: {len(row.engine.fell_back)} layers fell back from the deep-learning "
            f"accelerator to the GPU, the first is {first}."
        )
    return found


def _of_both(int8: BoardRow, fp16: BoardRow) -> list[str]:
    """Return that INT8 is no faster than float16, by the median of ratios of rounds in turn."""
    rounds = zip(int8.rounds, fp16.rounds, strict=False)
    speed = median(half.latency_ms.p50 / small.latency_ms.p50 for small, half in rounds)
    if speed > 1:
        return []
    copies = f"{int8.layers.reformats} copies between formats, float16 {fp16.layers.reformats}"
    return [
        f"INT8 runs at {speed:.2f} times the speed of float16 on this board. INT8 has {copies}."
    ]
