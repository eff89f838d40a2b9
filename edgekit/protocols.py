"""What a stage may ask of another without importing it.

A stage that has to run graphs (parity, calibrate, measure) is handed a ``Backend``; it imports
none. The protocols stay this small so that a stand-in for a test is a few lines.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol, Self, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from types import TracebackType

    import numpy as np
    from numpy.typing import NDArray

    from edgekit.values import TensorInfo


class Session(Protocol):
    """A network opened on a runtime. A context manager: leaving it frees the runtime's memory."""

    @property
    def inputs(self) -> tuple[TensorInfo, ...]:
        """The inputs, in the graph's order."""

    @property
    def outputs(self) -> tuple[TensorInfo, ...]:
        """The outputs, in the graph's order."""

    def run(self, feeds: Mapping[str, NDArray[np.generic]]) -> dict[str, NDArray[np.generic]]:
        """Return every output by name for one set of inputs.

        Raises:
            StageError: The runtime refused the inputs; the message names the tensor.
        """

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...


@runtime_checkable
class Backend(Protocol):
    """A runtime. Picklable, so that a worker process can open sessions of its own."""

    @property
    def name(self) -> str:
        """``onnxruntime``, ``openvino`` or ``tensorrt``."""

    def open(self, model: bytes | Path) -> Session:
        """Return a session on a serialized ONNX model or a model file.

        Raises:
            StageError: The runtime cannot read or compile the model.
        """


@runtime_checkable
class StreamsBackend(Backend, Protocol):
    """A runtime that can run several images through one network at the same time."""

    def open_streams(self, model: bytes | Path, streams: int) -> tuple[Session, ...]:
        """Return sessions on one network that can run at the same time, one per stream.

        Raises:
            StageError: The runtime cannot read or compile the model.
        """


class Progress(Protocol):
    """Told how far a stage is. Stages take ``progress: Progress = silent``; only the CLI draws."""

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Note that ``done`` of ``total`` steps of ``stage`` are over."""


def silent(stage: str, done: int, total: int) -> None:
    """A ``Progress`` that says nothing."""


@contextmanager
def busy(progress: Progress, stage: str) -> Iterator[None]:
    """Tell ``progress`` that ``stage`` is under way, for how long nobody knows."""
    progress(stage, 0, 0)
    yield
    progress(stage, 1, 1)
