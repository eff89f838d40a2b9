"""OpenVINO, behind the ``Backend`` protocol."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np

from edgekit.config.host import read_host
from edgekit.errors import StageError
from edgekit.optional import require
from edgekit.values import TensorInfo

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from types import ModuleType, TracebackType

    from numpy.typing import NDArray

    Feeds = Mapping[str, NDArray[np.generic]]

logger = logging.getLogger(__name__)

Processor = Literal["cpu", "gpu", "npu"]
Arithmetic = Literal["f32", "f16", "bf16"]
Hint = Literal["latency", "throughput"]


@dataclass(frozen=True)
class OpenVino:
    """Opens graphs, ONNX files and OpenVINO's own (IR, ``.xml``) on OpenVINO.

    Attributes:
        processor: Which of the computer's runs the network.
        threads: On the CPU; 0 takes one for every physical core this process may use.
        arithmetic: What floats are computed in. OpenVINO by itself takes 16 bits wherever the
            processor has them, also for a network in float32.
        hint: ``latency`` for one image at a time, ``throughput`` for many at once (``run_many``).
        cache: Folder that keeps compiled networks; ``None`` keeps none, and one that cannot be
            written is a warning.
        profile: Whether the time of every node is taken, which costs a little.
    """

    processor: Processor = "cpu"
    threads: int = 0
    arithmetic: Arithmetic = "f32"
    hint: Hint = "latency"
    cache: Path | None = None
    profile: bool = False

    @property
    def name(self) -> str:
        """``openvino``."""
        return "openvino"

    def open(self, model: bytes | Path) -> OpenVinoSession:
        """Return a session on a serialized ONNX model or a model file.

        Raises:
            StageError: OpenVINO cannot read or compile the model.
            MissingExtraError: OpenVINO is not installed.
        """
        return self._compiled(model, self._properties())

    def open_streams(self, model: bytes | Path, streams: int) -> tuple[OpenVinoSession, ...]:
        """Return sessions on one network that can run at the same time, one per stream.

        Raises:
            StageError: OpenVINO cannot read or compile the model.
            MissingExtraError: OpenVINO is not installed.
        """
        properties = {**self._properties(), "PERFORMANCE_HINT": "THROUGHPUT"}
        if self.processor != "npu":  # that one decides by the hint alone
            properties["NUM_STREAMS"] = streams
        opened = self._compiled(model, properties)
        return (opened, *(opened.beside() for _ in range(streams - 1)))

    def _compiled(self, model: bytes | Path, properties: dict[str, Any]) -> OpenVinoSession:
        openvino = openvino_package()
        core = openvino.Core()
        read = read_model(core, model)
        try:
            compiled = core.compile_model(read, self.processor.upper(), properties)
        except RuntimeError as err:
            raise StageError(
                f"OpenVINO {openvino.__version__} cannot compile {_name_of(model)} for its "
                f"{self.processor.upper()} device: {reason_of(err)}. What is here tells: "
                "edgekit doctor"
            ) from err
        return OpenVinoSession(openvino, compiled)

    def _properties(self) -> dict[str, Any]:
        properties: dict[str, Any] = {
            "PERFORMANCE_HINT": self.hint.upper(),
            "INFERENCE_PRECISION_HINT": self.arithmetic,
            "PERF_COUNT": self.profile,
        }
        if self.processor == "cpu":
            properties["INFERENCE_NUM_THREADS"] = self.threads or read_host().cores
        if self.cache is not None and _writable(self.cache):
            properties["CACHE_DIR"] = str(self.cache)
        return properties


class OpenVinoSession:
    """A network compiled by OpenVINO."""

    def __init__(self, openvino: ModuleType, compiled: Any) -> None:
        self._openvino = openvino
        self._compiled = compiled
        self._request: Any = compiled.create_infer_request()
        self.inputs = tuple(_tensor_info(port) for port in compiled.inputs)
        self.outputs = tuple(_tensor_info(port) for port in compiled.outputs)

    def run(self, feeds: Feeds) -> dict[str, NDArray[np.generic]]:
        """Return every output by name for one set of inputs.

        Raises:
            StageError: The runtime refused the inputs, or the session is closed.
        """
        if self._request is None:
            raise StageError("This session is closed. Open the model again.")
        try:
            found = self._request.infer(dict(feeds), share_inputs=True)
        except (RuntimeError, ValueError, TypeError) as err:
            raise self._refused(feeds, err) from err
        return {output.name: found[index] for index, output in enumerate(self.outputs)}

    def beside(self) -> OpenVinoSession:
        """Return a session on the same network, to run at the same time as this one."""
        return OpenVinoSession(self._openvino, self._compiled)

    def run_many(self, feeds: Iterable[Feeds]) -> Iterator[dict[str, NDArray[np.generic]]]:
        """Yield the outputs for every set of inputs, in order, several being computed at once.

        How many, the hint decides that the network was compiled with.

        Raises:
            StageError: The runtime refused the inputs, or the session is closed.
        """
        if self._request is None:
            raise StageError("This session is closed. Open the model again.")
        done: dict[int, dict[str, NDArray[np.generic]]] = {}
        queue = self._openvino.AsyncInferQueue(self._compiled)
        queue.set_callback(lambda request, number: done.update({number: self._copied(request)}))
        given = 0
        for number, feed in enumerate(feeds):
            try:
                queue.start_async(dict(feed), number)
            except (RuntimeError, ValueError, TypeError) as err:
                raise self._refused(feed, err) from err
            while given in done:
                yield done.pop(given)
                given += 1
        queue.wait_all()
        while given in done:
            yield done.pop(given)
            given += 1

    def node_times_us(self) -> dict[str, float]:
        """Return what each of the runtime's nodes took in the last run, by its name."""
        taken = self._request.profiling_info
        return {node.node_name: node.real_time.total_seconds() * 1e6 for node in taken}

    def ran(self) -> tuple[dict[str, str], ...]:
        """Return the runtime's own nodes in order, each as the properties it tells of it."""
        nodes = self._compiled.get_runtime_model().get_ordered_ops()
        return tuple({key: v.astype(str) for key, v in n.get_rt_info().items()} for n in nodes)

    def _copied(self, request: Any) -> dict[str, NDArray[np.generic]]:
        tensors = [request.get_output_tensor(i) for i in range(len(self.outputs))]
        pairs = zip(self.outputs, tensors, strict=True)
        return {output.name: np.array(tensor.data) for output, tensor in pairs}

    def _refused(self, feeds: Feeds, err: Exception) -> StageError:
        given = {name: (str(a.dtype), a.shape) for name, a in feeds.items()}
        return StageError(
            f"OpenVINO refused inputs {given}; the model takes {self.inputs}: {reason_of(err)}"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._request = self._compiled = None


def openvino_package() -> ModuleType:
    """Return the package.

    Raises:
        MissingExtraError: It is not installed.
    """
    return require("openvino", extra="openvino", needed_for="A target on OpenVINO")


def read_model(core: Any, model: bytes | Path) -> Any:
    """Return a model as ``core`` reads it.

    Raises:
        StageError: It cannot, being no model or having operators that OpenVINO has not.
    """
    try:
        return core.read_model(str(model) if isinstance(model, Path) else model)
    except RuntimeError as err:
        raise StageError(
            f"OpenVINO cannot read {_name_of(model)}: {reason_of(err)}. Convert for ONNX Runtime "
            "instead, or take the operators it names out of the model."
        ) from err


def write_ir(model: bytes, path: Path, *, halved: bool = False) -> None:
    """Write a serialized ONNX model as OpenVINO's IR: ``path``, an ``.xml``, and a ``.bin``.

    Args:
        model: The ONNX model.
        path: The ``.xml`` to write.
        halved: Whether to store float weights in 16 bits.

    Raises:
        StageError: OpenVINO cannot read the model.
    """
    openvino = openvino_package()
    read = read_model(openvino.Core(), model)
    openvino.save_model(read, str(path), compress_to_fp16=halved)


_MISSING = "No conversion rule found for operations: "
_BESIDE_THE_POINT = ("Exception from", "Check '", "To facilitate the conversion of unsupported")


def reason_of(err: Exception) -> str:
    """Return what OpenVINO says went wrong, without the files of its sources it came through."""
    lines = [line.strip() for line in str(err).splitlines() if line.strip()]
    told = [line for line in lines if not line.startswith(_BESIDE_THE_POINT)]
    # What is missing leaves others without a shape, which fail after it.
    missing = [line.removeprefix("-- ") for line in told if _MISSING in line]
    return " ".join(missing or told or lines[-1:] or ["no reason given"]).rstrip(".")


def _writable(folder: Path) -> bool:
    """Return whether ``folder``, made where it is missing, can be written; warn where not.

    OpenVINO itself goes on without a word.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".writable-{os.getpid()}"
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as err:
        message = "Cannot keep compiled networks in %s: %s. Set EDGEKIT_CACHE."
        logger.warning(message, folder, err.strerror)
        return False
    return True


def _name_of(model: bytes | Path) -> str:
    return str(model) if isinstance(model, Path) else "the network"


_ONNX_TYPES = {"float32": "float", "float64": "double"}


def _tensor_info(port: Any) -> TensorInfo:
    kind = port.get_element_type().to_dtype().name
    shape = tuple(d.get_length() if d.is_static else None for d in port.get_partial_shape())
    return TensorInfo(port.get_any_name(), _ONNX_TYPES.get(kind, kind), shape)
