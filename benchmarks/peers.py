"""The usual tools, each as its users call it, on the same model and the same images."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from onnxruntime.quantization import CalibrationDataReader, quantize_static

from edgekit.backends.onnxruntime import OnnxRuntime
from edgekit.values import TensorInfo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from numpy.typing import NDArray

    from edgekit.protocols import Backend

    Inputs = Callable[[], Iterable[NDArray[np.float32]]]


class Reader(CalibrationDataReader):
    """Calibration inputs in the form ONNX Runtime's tool reads them."""

    def __init__(self, name: str, inputs: Iterable[NDArray[np.float32]]) -> None:
        self._feeds = iter([{name: x} for x in inputs])

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        """Return the next input; ``None`` at the end."""
        return next(self._feeds, None)


def ort_static(model: Path, out: Path, name: str, inputs: Inputs, **options: Any) -> None:
    """ONNX Runtime's ``quantize_static`` with ``options``, else its defaults."""
    quantize_static(model, out, Reader(name, inputs()), **options)


def ort_preprocessed(model: Path, out: Path, name: str, inputs: Inputs) -> None:
    """ONNX Runtime's ``quantize_static`` at its defaults, behind the preparation it asks for.

    Symbolic shapes are skipped: they stop at an assertion on shape arithmetic that torch exports,
    and a network of fixed size needs none.
    """
    from onnxruntime.quantization.shape_inference import quant_pre_process

    prepared = out.with_suffix(".prepared.onnx")
    quant_pre_process(model, prepared, skip_symbolic_shape=True)
    quantize_static(prepared, out, Reader(name, inputs()))


def nncf_defaults(model: Path, out: Path, name: str, inputs: Inputs) -> None:
    """NNCF's ``quantize`` at its defaults on the OpenVINO model; ``out`` is its ``.xml``."""
    import nncf
    import openvino

    calibration = nncf.Dataset(list(inputs()), lambda x: {name: x})
    converted = openvino.convert_model(str(model))
    quantized = nncf.quantize(converted, calibration)
    openvino.save_model(quantized, str(out), compress_to_fp16=False)


@dataclass(frozen=True)
class OpenVinoCpu:
    """OpenVINO's CPU device behind edgekit's ``Backend`` protocol, to time and score NNCF."""

    threads: int = 0

    @property
    def name(self) -> str:
        """``openvino``."""
        return "openvino"

    def open(self, model: bytes | Path) -> OpenVinoSession:
        """Return the model, compiled."""
        return OpenVinoSession(model, self.threads or os.cpu_count() or 1)


class OpenVinoSession:
    """One model compiled for single-stream latency."""

    def __init__(self, model: bytes | Path, threads: int) -> None:
        import openvino

        core = openvino.Core()
        source = str(model) if isinstance(model, Path) else core.read_model(model)
        hints = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": threads}
        self._compiled = core.compile_model(source, "CPU", hints)
        self._request = self._compiled.create_infer_request()
        self.inputs = tuple(_info(port) for port in self._compiled.inputs)
        self.outputs = tuple(_info(port) for port in self._compiled.outputs)

    def run(self, feeds: Mapping[str, NDArray[np.generic]]) -> dict[str, NDArray[np.generic]]:
        """Return every output by name."""
        results = self._request.infer(dict(feeds))
        return {o.name: np.array(results[i]) for i, o in enumerate(self.outputs)}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._request = self._compiled = None


def _info(port: Any) -> TensorInfo:
    return TensorInfo(port.get_any_name(), str(port.element_type), tuple(port.shape))


@dataclass(frozen=True)
class Peer:
    """A tool that quantizes a float ONNX file.

    Attributes:
        quantize: Called with the file, the file to write, the name of the input and what gives
            the calibration inputs.
        backend: Runs what it writes.
        suffix: Of what it writes.
    """

    quantize: Callable[[Path, Path, str, Inputs], None]
    backend: Backend = field(default_factory=OnnxRuntime)
    suffix: str = ".onnx"


CONV_ONLY = {"op_types_to_quantize": ["Conv", "Gemm", "MatMul"]}
ORT_DEFAULTS = Peer(ort_static)
ORT_CONV_ONLY = Peer(partial(ort_static, **CONV_ONLY))
ORT_DEFAULTS_PER_CHANNEL = Peer(partial(ort_static, per_channel=True))
ORT_CONV_ONLY_PER_CHANNEL = Peer(partial(ort_static, per_channel=True, **CONV_ONLY))
ORT_PREPROCESSED = Peer(ort_preprocessed)
NNCF_DEFAULTS = Peer(nncf_defaults, OpenVinoCpu(), ".xml")
