"""ONNX Runtime, behind the ``Backend`` protocol."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

import onnxruntime as ort

from edgekit.config.host import read_host
from edgekit.errors import MissingError, StageError
from edgekit.values import TensorInfo

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    import numpy as np
    from numpy.typing import NDArray


Provider = Literal["cpu", "cuda"]

_PROVIDERS: Mapping[Provider, tuple[str, ...]] = {
    "cpu": ("CPUExecutionProvider",),
    "cuda": ("CUDAExecutionProvider", "CPUExecutionProvider"),
}
_REQUIREMENTS = (
    "https://onnxruntime.ai/docs/execution-providers/CUDA-ExecutionProvider.html#requirements"
)


@dataclass(frozen=True)
class OnnxRuntime:
    """Opens graphs on ONNX Runtime.

    Attributes:
        threads: Intra-op threads; 0 lets the runtime take one per physical core.
        spin: Whether idle threads spin. Faster for one model alone, slower beside others.
        optimize: Whether the runtime fuses nodes; off, every named tensor can be read.
        optimized_path: Where to write the graph as the runtime runs it.
        profile_path: What the file begins with that ``end_profiling`` writes; ``None`` times no
            nodes, which costs a little.
        provider: ``cpu``, or ``cuda`` for an NVIDIA GPU with what it lacks on the CPU.
        integers: Whether what lies between dequantize and quantize nodes runs in integers; off,
            every such node rounds as the file says, and all between them computes in floats: what
            another runtime computes from the same file.
    """

    threads: int = 0
    spin: bool = True
    optimize: bool = True
    optimized_path: Path | None = None
    profile_path: Path | None = None
    provider: Provider = "cpu"
    integers: bool = True

    @property
    def name(self) -> str:
        """``onnxruntime``."""
        return "onnxruntime"

    def open(self, model: bytes | Path) -> OnnxRuntimeSession:
        """Return a session on a serialized ONNX model or a model file.

        Raises:
            StageError: ONNX Runtime cannot read or compile the model.
            MissingError: The provider is not here, or does not start.
        """
        source = str(model) if isinstance(model, Path) else model
        wanted = _PROVIDERS[self.provider]
        _require(wanted[0])
        try:
            session = ort.InferenceSession(source, self._options(), providers=list(wanted))
        except Exception as err:  # the runtime's exceptions share no base but Exception
            where = model if isinstance(model, Path) else "the network"
            raise StageError(f"ONNX Runtime {ort.__version__} cannot open {where}: {err}") from err
        if session.get_providers()[0] != wanted[0]:  # it goes on with the CPU without a word
            raise MissingError(
                f"{wanted[0]} of ONNX Runtime {ort.__version__} does not start here: expected an "
                "NVIDIA GPU with its driver, CUDA and cuDNN, found one of them missing or too old. "
                f"See {_REQUIREMENTS}"
            )
        return OnnxRuntimeSession(session)

    def open_streams(self, model: bytes | Path, streams: int) -> tuple[OnnxRuntimeSession, ...]:
        """Return sessions on one network that can run at the same time, one per stream.

        Every stream computes on the thread that calls it. Only the cores that this leaves get
        threads of the runtime.

        Raises:
            StageError: ONNX Runtime cannot read or compile the model.
            MissingError: The provider is not here, or does not start.
        """
        threads = max(1, (self.threads or read_host().cores) - streams + 1)
        opened = replace(self, threads=threads).open(model)
        return (opened, *(opened.beside() for _ in range(streams - 1)))

    def _options(self) -> ort.SessionOptions:
        options = ort.SessionOptions()
        options.log_severity_level = 4
        options.intra_op_num_threads = self.threads
        options.add_session_config_entry("session.intra_op.allow_spinning", str(int(self.spin)))
        options.add_session_config_entry("session.disable_quant_qdq", str(int(not self.integers)))
        level = ort.GraphOptimizationLevel
        options.graph_optimization_level = (
            level.ORT_ENABLE_ALL if self.optimize else level.ORT_DISABLE_ALL
        )
        if self.optimized_path is not None:
            options.optimized_model_filepath = str(self.optimized_path)
        if self.profile_path is not None:
            options.enable_profiling = True
            options.profile_file_prefix = str(self.profile_path)
        return options


class OnnxRuntimeSession:
    """A network opened on ONNX Runtime."""

    def __init__(self, session: ort.InferenceSession) -> None:
        self._session: ort.InferenceSession | None = session
        self.inputs = tuple(_tensor_info(i) for i in session.get_inputs())
        self.outputs = tuple(_tensor_info(o) for o in session.get_outputs())

    def run(self, feeds: Mapping[str, NDArray[np.generic]]) -> dict[str, NDArray[np.generic]]:
        """Return every output by name for one set of inputs.

        Raises:
            StageError: The runtime refused the inputs, or the session is closed.
        """
        if self._session is None:
            raise StageError("This session is closed. Open the model again.")
        names = [o.name for o in self.outputs]
        try:
            values = self._session.run(names, dict(feeds))
        except Exception as err:  # the runtime's exceptions share no base but Exception
            given = {name: (str(a.dtype), a.shape) for name, a in feeds.items()}
            msg = f"ONNX Runtime refused inputs {given}; the model takes {self.inputs}: {err}"
            raise StageError(msg) from err
        return dict(zip(names, values, strict=True))

    def beside(self) -> OnnxRuntimeSession:
        """Return a session on the same network, to run at the same time as this one."""
        assert self._session is not None
        return OnnxRuntimeSession(self._session)

    def end_profiling(self) -> Path:
        """Return the file of what every node took, of a session that was opened to profile."""
        assert self._session is not None
        return Path(self._session.end_profiling())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._session = None


def _require(provider: str) -> None:
    """Make sure this build of the runtime has ``provider``, and its libraries are loaded.

    Raises:
        MissingError: It has not.
    """
    if provider not in ort.get_available_providers():
        raise MissingError(
            f"ONNX Runtime {ort.__version__} as installed here has no {provider}. On a computer "
            "with an NVIDIA GPU: pip uninstall onnxruntime, then pip install onnxruntime-gpu"
        )
    if provider == "CUDAExecutionProvider" and hasattr(ort, "preload_dlls"):
        ort.preload_dlls()  # CUDA and cuDNN may have come as Python packages


def _tensor_info(node: ort.NodeArg) -> TensorInfo:
    dtype = node.type.removeprefix("tensor(").removesuffix(")")
    shape = tuple(d if isinstance(d, int) else None for d in node.shape)
    return TensorInfo(node.name, dtype, shape)
