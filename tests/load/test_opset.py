from pathlib import Path

import numpy as np
import onnx
import pytest

from edgekit.backends.onnxruntime import OnnxRuntime
from edgekit.errors import ModelError
from edgekit.graphs import graph_from_model, graph_from_proto
from edgekit.load import opset as stage
from edgekit.load.opset import raise_opset
from edgekit.reparam.normal_form import infer_shapes, normal_form
from edgekit.reparam.parity import prove_parity
from edgekit.reparam.probes import probe_inputs
from tests.networks import proto

PATH = Path("m.onnx")
OLD = {
    "upsample": (
        9,
        'y = Upsample<mode="nearest">(x, s)',
        {"s": np.float32([1, 1, 2, 2])},
    ),
    "resize": (10, 'y = Resize<mode="nearest">(x, s)', {"s": np.float32([1, 1, 2, 2])}),
    "clip": (9, "y = Clip<min=0.25, max=0.75>(x)", {}),
    "split": (11, "a, b = Split<axis=1, split=[2,2]>(x) y = Concat<axis=1>(b, a)", {}),
    "squeeze": (11, "a = Unsqueeze<axes=[0]>(x) y = Squeeze<axes=[0]>(a)", {}),
    "softmax": (11, "y = Softmax<axis=1>(x)", {}),
    "slice": (9, "y = Slice<axes=[2], starts=[1], ends=[3]>(x)", {}),
    "pad": (10, "y = Pad<pads=[0,0,1,1,0,0,1,1]>(x)", {}),
    "topk": (9, "v, i = TopK<axis=3, k=2>(x) y = Relu(v)", {}),
    "batchnorm": (9, "y = BatchNormalization(x, s, s, s, s)", {"s": np.ones(4, np.float32)}),
    "reduce": (11, "y = ReduceSum<axes=[1], keepdims=1>(x)", {}),
}


@pytest.mark.parametrize("name", OLD)
def test_an_old_operator_computes_the_same_at_the_new_opset(name):
    opset, body, weights = OLD[name]
    source = proto(f"g (float[1,4,4,4] x) => (float[n,m,h,w] y) {{ {body} }}", opset, **weights)
    source.ir_version = 4
    before = graph_from_proto(source)
    model = infer_shapes(normal_form(before.model))
    after = graph_from_model(raise_opset(model, PATH))
    assert after.model.opset_imports[""] == 17
    assert after.model.ir_version >= 8
    runtime = OnnxRuntime(threads=1)
    assert prove_parity(before, after, runtime, probe_inputs(before)).max_rel < 1e-5


@pytest.mark.parametrize("opset", [17, 18, 21])
def test_a_recent_opset_stays(opset):
    model = graph_from_proto(proto("g (float[1] x) => (y) { y = Relu(x) }", opset)).model
    assert raise_opset(model, PATH) is model


def failing_above(limit: int):
    convert = onnx.version_converter.convert_version

    def converter(model: onnx.ModelProto, opset: int) -> onnx.ModelProto:
        if opset > limit:
            raise RuntimeError("No Adapter To Version $13 for Clip")
        return convert(model, opset)

    return converter


def test_the_highest_opset_the_converter_manages_is_taken(monkeypatch):
    monkeypatch.setattr(stage.version_converter, "convert_version", failing_above(14))
    source = proto("g (float[1] x) => (float[1] y) { y = Clip<min=0.0>(x) }", 9)
    model = normal_form(graph_from_proto(source).model)
    assert raise_opset(model, PATH).opset_imports[""] == 14


def test_a_model_already_at_13_stays_where_no_conversion_works(monkeypatch):
    monkeypatch.setattr(stage.version_converter, "convert_version", failing_above(0))
    model = graph_from_proto(proto("g (float[1] x) => (y) { y = Relu(x) }", 13)).model
    assert raise_opset(model, PATH) is model


def test_a_node_the_converter_cannot_convert_is_named(monkeypatch):
    monkeypatch.setattr(stage.version_converter, "convert_version", failing_above(0))
    source = proto("g (float[1] x) => (float[1] y) { y = Clip<min=0.0>(x) }", 9)
    model = normal_form(graph_from_proto(source).model)
    with pytest.raises(ModelError, match=r"from opset 9 to 13.*node 'Clip' \(Clip\).*No Adapter"):
        raise_opset(model, PATH)
