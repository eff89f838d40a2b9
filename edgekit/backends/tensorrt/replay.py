"""Scoring a board without the board: its inputs are captured here, its outputs played back here.

Images are letterboxed, decoded and scored by the very code that scores every other runtime. While
one of those runs, ``Capture`` keeps what it feeds the network; a bundle takes that to the board,
and ``Replay`` is a runtime that answers with what came back.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
import onnx
from onnx import TensorProto, helper

from edgekit.backends.tensorrt.bundle import Inputs
from edgekit.backends.tensorrt.result import outputs_of, read_result
from edgekit.errors import StageError
from edgekit.values import TensorInfo

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from types import TracebackType

    from numpy.typing import NDArray

    from edgekit.backends.tensorrt.result import BoardRow
    from edgekit.backends.tensorrt.versions import Built
    from edgekit.protocols import Backend, Session

    Values = Mapping[str, NDArray[np.generic]]

_KEY_DIGITS = 16


def key_of(value: NDArray[np.generic]) -> str:
    """Return the name of one input: of what it holds, so that equal inputs are one."""
    return hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()[:_KEY_DIGITS]


class Capture:
    """A runtime that keeps what its networks are fed, and otherwise is the one it wraps.

    It is for one process and for networks with one input.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._name = ""
        self._values: dict[str, bytes] = {}

    @property
    def name(self) -> str:
        """That of the runtime it wraps."""
        return self._backend.name

    def open(self, model: bytes | Path) -> CaptureSession:
        """Return a session of the wrapped runtime.

        Raises:
            StageError: The runtime cannot read or compile the model.
        """
        return CaptureSession(self._backend.open(model), self)

    def keep(self, feeds: Values) -> None:
        """Keep the one value of ``feeds``.

        Raises:
            StageError: There are several, which trtexec could not be told apart by a file each.
        """
        if len(feeds) != 1:
            raise StageError(f"captured inputs: expected one per network, found {sorted(feeds)}.")
        ((self._name, value),) = feeds.items()
        self._values[key_of(value)] = np.ascontiguousarray(value).tobytes()

    @property
    def inputs(self) -> Inputs:
        """What was kept, as a bundle takes it."""
        return Inputs(self._name, dict(self._values))


class CaptureSession:
    """A session that keeps what it is fed."""

    def __init__(self, session: Session, capture: Capture) -> None:
        self._session = session
        self._capture = capture
        self.inputs = session.inputs
        self.outputs = session.outputs

    def run(self, feeds: Values) -> dict[str, NDArray[np.generic]]:
        """Return what the wrapped session returns.

        Raises:
            StageError: The runtime refused the inputs, or there are several.
        """
        self._capture.keep(feeds)
        return self._session.run(feeds)

    def __enter__(self) -> Self:
        self._session.__enter__()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._session.__exit__(exc_type, exc, traceback)


@dataclass(frozen=True)
class Replay:
    """A runtime whose networks ran on a board: it answers with the outputs that came back.

    Attributes:
        folder: Of the bundle, with the result in it.
        precision: Which of its engines.
    """

    folder: Path
    precision: Built

    @property
    def name(self) -> str:
        """``tensorrt``."""
        return "tensorrt"

    def open(self, model: bytes | Path) -> ReplaySession:
        """Return a session that plays back what the engine of ``model`` put out.

        Raises:
            StageError: The board ran another file, or none of this precision.
        """
        content = model.read_bytes() if isinstance(model, Path) else model
        row = read_result(self.folder).rows.get(self.precision)
        if row is None:
            raise StageError(f"{self.folder}: nothing of {self.precision} was run on the board.")
        sha256, ran = hashlib.sha256(content).hexdigest(), row.engine.made_of["onnx_sha256"]
        if sha256 != ran:
            raise StageError(
                f"{self.folder}: the board ran ONNX file {ran[:12]}…, found {sha256[:12]}…. "
                "Open the one in the bundle."
            )
        return ReplaySession(self.folder, row, onnx.load_from_string(content).graph)


class ReplaySession:
    """The outputs of one engine, by what it was fed."""

    def __init__(self, folder: Path, row: BoardRow, graph: onnx.GraphProto) -> None:
        self._folder = folder
        self._row = row
        constants = {tensor.name for tensor in graph.initializer}
        self.inputs = _infos(value for value in graph.input if value.name not in constants)
        self.outputs = _infos(graph.output)
        self._types = {value.name: value.type.tensor_type.elem_type for value in graph.output}

    def run(self, feeds: Values) -> dict[str, NDArray[np.generic]]:
        """Return the outputs that the board gave for these inputs, in the graph's types.

        Raises:
            StageError: The board was not given these inputs.
        """
        (value,) = feeds.values()
        key = key_of(value)
        if key not in self._row.outputs:
            raise StageError(
                f"{self._folder}: the board was not given input {key}. Make the bundle with all "
                "images that are to be scored."
            )
        outputs = outputs_of(self._folder, self._row, key)
        return {
            name: outputs[name].astype(helper.tensor_dtype_to_np_dtype(kind))
            for name, kind in self._types.items()
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Nothing to free."""


def _infos(values: Iterable[onnx.ValueInfoProto]) -> tuple[TensorInfo, ...]:
    infos = []
    for value in values:
        kind = value.type.tensor_type
        shape = tuple(d.dim_value if d.HasField("dim_value") else None for d in kind.shape.dim)
        dtype = TensorProto.DataType.Name(kind.elem_type).lower()
        infos.append(TensorInfo(value.name, dtype, shape))
    return tuple(infos)
