"""Why OpenVINO reads signed symmetric activations with far more noise than ONNX Runtime.

Usage: python benchmarks/openvino_symmetric.py

Two inputs are joined, quantized and convolved: the smallest network that shows it. What is exact is
computed in float64 from the definition of QuantizeLinear; what OpenVINO is suspected of, from that
and one change (``lost_scale``). A block with SiLU shows the same as ONNX Runtime's own tool
quantizes it. Weights and inputs are of chance; nothing else is needed. Needs the extra
``openvino``.
"""

from __future__ import annotations

import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import numpy_helper
from onnxruntime.quantization import QuantType

from edgekit.backends.onnxruntime import OnnxRuntime
from edgekit.measure.machine import describe_machine

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from committed import RESULTS, commit  # noqa: E402  (a sibling script)
from peers import ort_static  # noqa: E402  (a sibling script)

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from numpy.typing import NDArray

    Doubles = NDArray[np.float64]
    Floats = NDArray[np.float32]
    Feeds = Mapping[str, Floats]

CHANNELS, SIDE = 4, 16
SCALES = (1 / 512, 1 / 64, 1 / 4, 1.0)
SCALE = 1 / 16
FLOAT32 = {"INFERENCE_PRECISION_HINT": "f32"}  # else 16 bits, where the processor has them
HEADER = '<ir_version: 8, opset_import: ["" : 13]>'
JOINED = "j = Concat<axis = 1>(x, y)"
BLOCK = """
    a = Conv<pads = [1, 1, 1, 1]>(x, w0) b = Sigmoid(a) c = Mul(a, b)
    left, right = Split<axis = 1>(c, halves)
    d = Conv<pads = [1, 1, 1, 1]>(right, w1) e = Sigmoid(d) f = Mul(d, e)
    added = Add(right, f)
    joined = Concat<axis = 1>(left, right, added)
    z = Conv(joined, w2)
"""


@dataclass(frozen=True)
class Joined:
    """The smallest network: how its activation is quantized.

    Attributes:
        scale: One step.
        zero_point: Of the signed integers.
        offset: What the integers in the file lie above those: 0, or 128 for unsigned ones.
        joined: Whether two inputs are joined; else the only one is as wide as both.
    """

    scale: float = SCALE
    zero_point: int = 0
    offset: int = 0
    joined: bool = True


def main() -> None:
    """Run every variant and write the result."""
    result = {
        "machine": vars(describe_machine()),
        "commit": commit(),
        "scales": [{"scale": s, **measured(Joined(s), **FLOAT32)} for s in SCALES],
        "variants": variants(),
        "block": block(),
    }
    text = json.dumps(result, indent=1) + "\n"
    (RESULTS / "openvino_symmetric.json").write_text(text, encoding="utf-8")
    print(text)


def variants() -> dict[str, dict[str, Any]]:
    """Return what every way of writing or running the smallest network gives, by its name."""
    without = {**FLOAT32, "LP_TRANSFORMS_MODE": "NO"}
    return {
        "no Concat": measured(Joined(joined=False), **FLOAT32),
        "Concat": measured(Joined(), **FLOAT32),
        "Concat, zero point 5": measured(Joined(zero_point=5), **FLOAT32),
        "Concat, 16-bit floats": measured(Joined(), INFERENCE_PRECISION_HINT="bf16"),
        "Concat, no low-precision transformations": measured(Joined(), **without),
        "Concat, unsigned around 128": measured(Joined(offset=128), **FLOAT32),
        "Concat, one FakeQuantize": faked(Joined()),
    }


def measured(case: Joined, **properties: str) -> dict[str, Any]:
    """Return signal to noise of both runtimes against what is exact, in decibels.

    Args:
        case: What is run.
        properties: Of OpenVINO's CPU device.

    Returns:
        ``ort_db``, ``openvino_db``; ``from_lost_scale_db``, OpenVINO's against what it is suspected
        of; ``input``: what its convolution reads.
    """
    integers, feeds = weights_of(), feeds_of(case)
    model = model_of(case, integers)
    expected = convolved(exact(seen(case, feeds), case), integers)
    suspected = convolved(lost_scale(seen(case, feeds), case), integers)
    found, read = in_openvino(model.SerializeToString(), feeds, **properties)
    return {
        "ort_db": decibels(expected, in_onnxruntime(model, feeds)),
        "openvino_db": decibels(expected, found),
        "from_lost_scale_db": decibels(suspected, found),
        "input": read,
    }


def faked(case: Joined) -> dict[str, Any]:
    """Return the same of the network with the one node that OpenVINO's own tool writes."""
    import openvino

    ops = openvino.opset13
    integers, feeds = weights_of(), feeds_of(case)
    inputs = [ops.parameter(feed.shape, np.float32, name) for name, feed in feeds.items()]
    ends = [ops.constant(np.float32(end * case.scale)) for end in (-128, 127)]
    rounded = ops.fake_quantize(ops.concat(inputs, 1), *ends, *ends, 256)
    weights = ops.multiply(
        ops.convert(ops.constant(integers), "f32"), ops.constant(np.float32(1 / 128))
    )
    outputs = [ops.convolution(rounded, weights, [1, 1], [0, 0], [0, 0], [1, 1])]
    found, read = in_openvino(openvino.Model(outputs, inputs), feeds, **FLOAT32)
    expected = convolved(exact(seen(case, feeds), case), integers)
    return {"openvino_db": decibels(expected, found), "input": read}


def weights_of() -> NDArray[np.int8]:
    """Return the integers of a 1x1 convolution of both inputs, each worth 1/128."""
    return np.random.default_rng(0).integers(-127, 128, (CHANNELS, 2 * CHANNELS, 1, 1), np.int8)


def feeds_of(case: Joined) -> dict[str, Floats]:
    """Return inputs that fill the range of ``case``, none half way between two integers."""
    draw = np.random.default_rng(1)
    shape = (1, 2 * CHANNELS, SIDE, SIDE)
    steps = draw.integers(-128, 128, shape) + draw.uniform(-0.4, 0.4, shape)
    values = ((steps - case.zero_point) * case.scale).astype(np.float32)
    parts = np.split(values, 2, axis=1) if case.joined else [values]
    return dict(zip("xy", parts, strict=False))


def seen(case: Joined, feeds: Feeds) -> Doubles:
    """Return what is quantized."""
    values = list(feeds.values())
    assert len(values) == 1 + case.joined
    return np.concatenate(values, axis=1).astype(np.float64)


def model_of(case: Joined, integers: NDArray[np.int8]) -> onnx.ModelProto:
    """Return the network of ``case`` with Q and DQ."""
    kind = np.uint8 if case.offset else np.int8
    wide = CHANNELS if case.joined else 2 * CHANNELS
    names = "xy" if case.joined else "x"
    inputs = ", ".join(f"float[1,{wide},{SIDE},{SIDE}] {name}" for name in names)
    read = "j" if case.joined else "x"
    graph = f"""g ({inputs}) => (float[1,{CHANNELS},{SIDE},{SIDE}] z) {{
        {JOINED if case.joined else ""}
        q = QuantizeLinear({read}, scale, zero) d = DequantizeLinear(q, scale, zero)
        w = DequantizeLinear(integers, weight_scale, weight_zero)
        z = Conv(d, w)
    }}"""
    return parsed(
        graph,
        scale=np.float32(case.scale),
        zero=kind(case.zero_point + case.offset),
        integers=integers,
        weight_scale=np.float32(1 / 128),
        weight_zero=np.int8(0),
    )


def parsed(graph: str, **constants: Any) -> onnx.ModelProto:
    """Return the model of ``graph`` in ONNX's text form, with ``constants``."""
    model = onnx.parser.parse_model(HEADER + graph)
    arrays = {name: np.asarray(value) for name, value in constants.items()}
    model.graph.initializer.extend(numpy_helper.from_array(a, name) for name, a in arrays.items())
    return model


def exact(values: Doubles, case: Joined) -> Doubles:
    """Return ``values`` through QuantizeLinear and DequantizeLinear as ONNX defines them."""
    steps = np.round(values / case.scale) + case.zero_point
    return (np.clip(steps, -128, 127) - case.zero_point) * case.scale


def lost_scale(values: Doubles, case: Joined) -> Doubles:
    """Return ``values`` in steps of one, whatever the scale: what OpenVINO is suspected of.

    The ends of the range are rounded to whole numbers, and what lies between is shared out among
    those. With no more than two of them OpenVINO leaves the values as they are written.
    """
    low, high = ((end - case.zero_point) * case.scale for end in (-128, 127))
    first, last = (np.clip(np.floor(end + 128.5), 0, 255) - 128 for end in (low, high))
    if last - first + 1 <= 2:
        return exact(values, case)
    share = (np.clip(values, low, high) - low) / (high - low)
    steps: Doubles = np.round(share * (last - first)) + first
    return steps


def convolved(values: Doubles, integers: NDArray[np.int8]) -> Doubles:
    """Return the 1x1 convolution of ``values``."""
    result: Doubles = np.einsum("oi,nihw->nohw", integers[:, :, 0, 0] / 128, values)
    return result


def decibels(expected: NDArray[Any], found: NDArray[Any]) -> float:
    """Return the signal-to-noise ratio of ``found``."""
    wide = expected.astype(np.float64)
    noise = max(float(((found - wide) ** 2).sum()), 1e-30)
    return round(float(10 * np.log10((wide**2).sum() / noise)), 2)


def in_onnxruntime(model: onnx.ModelProto, feeds: Feeds) -> NDArray[Any]:
    """Return the output ``z`` of ``model``, every node run as it is written."""
    with OnnxRuntime(optimize=False).open(model.SerializeToString()) as session:
        return session.run(dict(feeds))["z"]


def in_openvino(model: Any, feeds: Feeds, **properties: str) -> tuple[NDArray[Any], str]:
    """Return the output of ``model`` on OpenVINO's CPU device, and what its last Conv reads.

    Args:
        model: ONNX in bytes, or OpenVINO's own.
        feeds: Inputs in the order of ``model``.
        properties: Of the device.
    """
    import openvino

    core = openvino.Core()
    own = core.read_model(model, b"") if isinstance(model, bytes) else model
    compiled = core.compile_model(own, "CPU", properties)
    found = compiled(list(feeds.values()))[0]
    nodes = [node.get_rt_info() for node in compiled.get_runtime_model().get_ordered_ops()]
    layers = [i for i in nodes if i["layerType"].astype(str) == "Convolution"]
    return np.array(found), layers[-1]["runtimePrecision"].astype(str)


def block() -> dict[str, dict[str, float]]:
    """Return signal to noise against float of a block with SiLU, as ONNX Runtime quantizes it.

    Rows that differ in unsigned values have the same scales and weights, and the same meaning.
    """
    draw = np.random.default_rng(2)
    feeds = {"x": draw.normal(size=(1, 3, 32, 32)).astype(np.float32)}
    model = silu_block(draw)
    signed = quantized(model, feeds)
    every = {node.input[0] for node in _nodes(signed, "QuantizeLinear")}
    rows = {
        "signed": signed,
        "signed, 7-bit weights": quantized(model, feeds, reduce_range=True),
        "unsigned beside the Concat": unsigned(signed, beside_joins(signed)),
        "unsigned": unsigned(signed, every),
    }
    expected = in_onnxruntime(model, feeds)
    return {name: _against(expected, row, feeds) for name, row in rows.items()}


def _against(expected: NDArray[Any], model: onnx.ModelProto, feeds: Feeds) -> dict[str, float]:
    found, _ = in_openvino(model.SerializeToString(), feeds, **FLOAT32)
    return {
        "ort_db": decibels(expected, in_onnxruntime(model, feeds)),
        "openvino_db": decibels(expected, found),
    }


def silu_block(draw: np.random.Generator) -> onnx.ModelProto:
    """Return a block as YOLOv8 has them: halves, one of them convolved and added, all joined."""
    shapes = {"w0": (16, 3, 3, 3), "w1": (8, 8, 3, 3), "w2": (8, 24, 1, 1)}
    weights = {
        name: (draw.normal(size=s) * np.sqrt(2 / np.prod(s[1:]))).astype(np.float32)
        for name, s in shapes.items()
    }
    graph = f"g (float[1,3,32,32] x) => (float[1,8,32,32] z) {{ {BLOCK} }}"
    return parsed(graph, halves=np.array([8, 8]), **weights)


def quantized(model: onnx.ModelProto, feeds: Feeds, **options: Any) -> onnx.ModelProto:
    """Return ``model`` by ``quantize_static``: signed, symmetric, a scale per output channel."""
    with tempfile.TemporaryDirectory() as folder:
        given, made = (Path(folder) / name for name in ("given.onnx", "made.onnx"))
        onnx.save(model, given)
        ort_static(
            given,
            made,
            "x",
            lambda: [feeds["x"]],
            activation_type=QuantType.QInt8,
            weight_type=QuantType.QInt8,
            per_channel=True,
            extra_options={"ActivationSymmetric": True},
            **options,
        )
        return onnx.load(made)


def beside_joins(model: onnx.ModelProto) -> set[str]:
    """Return the names of the quantized values that a Concat makes or reads."""
    joins = [node for node in model.graph.node if node.op_type == "Concat"]
    made = {name for node in joins for name in node.output}
    read = {name for node in joins for name in node.input}
    after = {node.input[0]: node.output[0] for node in _nodes(model, "DequantizeLinear")}
    return {
        node.input[0]
        for node in _nodes(model, "QuantizeLinear")
        if node.input[0] in made or after[node.output[0]] in read
    }


def unsigned(model: onnx.ModelProto, values: Collection[str]) -> onnx.ModelProto:
    """Return a copy of ``model`` with ``values`` in unsigned integers around 128.

    Args:
        model: Symmetric: every zero point is 0.
        values: Names of what QuantizeLinear reads.
    """
    result = onnx.ModelProto()
    result.CopyFrom(model)
    zero = "unsigned_zero_point"
    result.graph.initializer.append(numpy_helper.from_array(np.asarray(np.uint8(128)), zero))
    after = {node.input[0]: node for node in _nodes(result, "DequantizeLinear")}
    for node in _nodes(result, "QuantizeLinear"):
        if node.input[0] in values:
            node.input[2] = after[node.output[0]].input[2] = zero
    return result


def _nodes(model: onnx.ModelProto, op_type: str) -> list[onnx.NodeProto]:
    return [node for node in model.graph.node if node.op_type == op_type]


if __name__ == "__main__":
    main()
