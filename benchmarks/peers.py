"""The usual tools, each as its users call it, on the same model and the same images."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import onnx.version_converter
from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static

from edgekit.backends.onnxruntime import OnnxRuntime
from edgekit.backends.openvino import OpenVino

sys.path.insert(0, str(Path(__file__).resolve().parent))

from hand_written import OUTPUTS, chosen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from edgekit.protocols import Backend

    Inputs = Callable[[], Iterable[NDArray[Any]]]


PER_CHANNEL_OPSET = 13


class Reader(CalibrationDataReader):
    """Calibration inputs in the form ONNX Runtime's tool reads them."""

    def __init__(self, name: str, inputs: Iterable[NDArray[Any]]) -> None:
        self._feeds = iter([{name: x} for x in inputs])

    def get_next(self) -> dict[str, NDArray[Any]] | None:
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


def ort_by_hand(model: Path, out: Path, name: str, inputs: Inputs, hand: ByHand) -> None:
    """What ONNX Runtime's guide leads to: U8S8, per channel, prepared, the decode in float.

    ``reduce_range`` is its advice for processors without VNNI. A scale per channel needs opset 13.
    """
    from onnxruntime.quantization.shape_inference import quant_pre_process

    loaded, new_enough = onnx.load(model), model
    if max(o.version for o in loaded.opset_import if not o.domain) < PER_CHANNEL_OPSET:
        new_enough = out.with_suffix(".prepared-opset.onnx")
        onnx.save(onnx.version_converter.convert_version(loaded, PER_CHANNEL_OPSET), new_enough)
    prepared = out.with_suffix(".prepared.onnx")
    quant_pre_process(new_enough, prepared, skip_symbolic_shape=True)
    names = [node.name for node in onnx.load(prepared).graph.node]
    quantize_static(
        prepared,
        out,
        Reader(name, inputs()),
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        per_channel=True,
        reduce_range=hand.reduce_range,
        nodes_to_exclude=chosen(hand.decode, names),
    )


def nncf_defaults(model: Path, out: Path, name: str, inputs: Inputs) -> None:
    """NNCF's ``quantize`` at its defaults on the OpenVINO model; ``out`` is its ``.xml``."""
    _nncf(model, out, _nncf_inputs(name, inputs))


def nncf_by_hand(model: Path, out: Path, name: str, inputs: Inputs, hand: ByHand) -> None:
    """NNCF's ``quantize`` with the mixed preset, and the decode in its ignored scope."""
    import nncf

    patterns = [f"(?:{p})$" for p in (*hand.decode, *OUTPUTS)]  # NNCF matches their beginning
    scope = nncf.IgnoredScope(patterns=patterns, validate=False)
    options = {"preset": nncf.QuantizationPreset.MIXED, "ignored_scope": scope}
    _nncf(model, out, _nncf_inputs(name, inputs), **options)


def _nncf(model: Path, out: Path, calibration: Any, **options: Any) -> None:
    import nncf
    import openvino

    quantized = nncf.quantize(openvino.convert_model(str(model)), calibration, **options)
    openvino.save_model(quantized, str(out), compress_to_fp16=False)


def _nncf_inputs(name: str, inputs: Inputs) -> Any:
    import nncf

    return nncf.Dataset(list(inputs()), lambda x: {name: x})


@dataclass(frozen=True)
class Peer:
    """A tool that quantizes a float ONNX file.

    Attributes:
        quantize: Called with the file, the file to write, the name of the input and what gives
            the calibration inputs.
        backend: Runs what it writes.
        suffix: Of what it writes.
        per_processor: Whether it writes another file for another processor.
    """

    quantize: Callable[[Path, Path, str, Inputs], None]
    backend: Backend = field(default_factory=OnnxRuntime)
    suffix: str = ".onnx"
    per_processor: bool = False


@dataclass(frozen=True)
class ByHand:
    """What a person tells a tool about one model and processor.

    Attributes:
        decode: Patterns of the names of the nodes to keep in float.
        reduce_range: Whether weights get 7 bits, for processors without VNNI.
    """

    decode: tuple[str, ...]
    reduce_range: bool


def all_peers(hand: ByHand) -> dict[str, Peer]:
    """Return every tool by the name of its row."""
    return {
        "ort defaults": ORT_DEFAULTS,
        "ort conv-only": ORT_CONV_ONLY,
        "ort by hand": Peer(partial(ort_by_hand, hand=hand), per_processor=True),
        "nncf defaults": NNCF_DEFAULTS,
        "nncf by hand": Peer(partial(nncf_by_hand, hand=hand), OpenVino(), ".xml"),
    }


CONV_ONLY = {"op_types_to_quantize": ["Conv", "Gemm", "MatMul"]}
ORT_DEFAULTS = Peer(ort_static)
ORT_CONV_ONLY = Peer(partial(ort_static, **CONV_ONLY))
ORT_DEFAULTS_PER_CHANNEL = Peer(partial(ort_static, per_channel=True))
ORT_CONV_ONLY_PER_CHANNEL = Peer(partial(ort_static, per_channel=True, **CONV_ONLY))
ORT_PREPROCESSED = Peer(ort_preprocessed)
NNCF_DEFAULTS = Peer(nncf_defaults, OpenVino(), ".xml")
