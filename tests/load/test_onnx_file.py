from contextlib import suppress

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgekit.backends.onnxruntime import OnnxRuntime
from edgekit.errors import ModelError, ParityError
from edgekit.graphs import graph_to_bytes
from edgekit.load import onnx_file as stage
from edgekit.load.onnx_file import LoadOptions, load_onnx
from tests.networks import proto

RUNTIME = OnnxRuntime(threads=1)
WEIGHT = np.random.default_rng(0).normal(size=(4, 3, 3, 3)).astype(np.float32)
BODY = "c = Conv<pads=[1,1,1,1]>(x, w) y = Relu(c)"


@pytest.fixture
def load(tmp_path):
    """Return ``load(inputs, body, ...)``: the loaded model of a graph written as text."""

    def load_text(inputs, body=BODY, *, size_hw=None, opset=17, metadata=(), **weights):
        model = proto(f"g ({inputs}) => (float[n,c,h,w] y) {{ {body} }}", opset, **weights)
        for key, value in dict(metadata).items():
            model.metadata_props.add(key=key, value=value)
        path = tmp_path / "model.onnx"
        onnx.save(model, path)
        return load_onnx(path, RUNTIME, LoadOptions(size_hw))

    return load_text


def outputs(source, x: np.ndarray) -> np.ndarray:
    with RUNTIME.open(graph_to_bytes(source.graph)) as session:
        return session.run({session.inputs[0].name: x})["y"]


def test_a_plain_model_needs_no_notes(load):
    source = load("float[1,3,16,24] x", w=WEIGHT, metadata={"names": "['a']", "task": "detect"})
    assert (source.size_hw, source.notes, source.class_names) == ((16, 24), (), ("a",))
    assert source.metadata["task"] == "detect"
    assert source.graph.parent == source.sha256
    assert [node.name for node in source.graph.model.graph] == ["Conv", "Relu"]
    assert all(v.shape.is_static() for n in source.graph.model.graph for v in n.outputs)


@pytest.mark.parametrize(
    ("size_hw", "metadata", "expected"),
    [
        ((32, 64), {"imgsz": "[96, 96]"}, (32, 64)),
        (None, {"imgsz": "[96, 128]"}, (96, 128)),
        (None, {}, (640, 640)),
    ],
)
def test_an_open_size_comes_from_the_user_else_the_exporter_else_is_640(
    load, size_hw, metadata, expected
):
    source = load("float[n,3,h,w] x", w=WEIGHT, size_hw=size_hw, metadata=metadata)
    assert source.size_hw == expected
    assert f"leaves the image size open: set to {expected[0]} x {expected[1]}." in source.notes[0]
    assert source.graph.model.graph.outputs[0].shape == (1, 4, *expected)


def test_a_fixed_size_cannot_be_asked_to_be_another(load):
    with pytest.raises(ModelError, match=r"at 32 x 32: .*found one fixed at 16 x 24"):
        load("float[1,3,16,24] x", w=WEIGHT, size_hw=(32, 32))
    assert load("float[1,3,16,24] x", w=WEIGHT, size_hw=(16, 24)).size_hw == (16, 24)


def test_a_fixed_batch_becomes_one_where_the_network_allows_it(load):
    source = load("float[4,3,16,24] x", w=WEIGHT)
    assert source.notes == ("The file is fixed to batch 4: set to 1.",)
    assert outputs(source, np.ones((1, 3, 16, 24), np.float32)).shape == (1, 4, 16, 24)


@pytest.mark.parametrize(
    "body",
    ["c = Relu(x) y = Reshape(c, shape)", "m = ReduceMean<axes=[0]>(x) y = Sub(x, m)"],
    ids=["batch in a constant", "batch mixed"],
)
def test_a_fixed_batch_that_the_network_depends_on_is_refused(load, body):
    shape = np.array([4, 3, 24, 16])
    with pytest.raises(ModelError, match=r"(?s)of batch 4.*Export the model again"):
        load("float[4,3,16,24] x", body, shape=shape)


def test_interleaved_pixels_become_planar_floats(load):
    body = "p = Transpose<perm=[0,3,1,2]>(x) f = Cast<to=1>(p) y = Conv(f, w)"
    source = load("uint8[1,16,24,3] x", body, w=WEIGHT)
    assert "(N, H, W, 3)" in source.notes[0]
    assert "uint8" in source.notes[1]
    value = source.graph.model.graph.inputs[0]
    assert (str(value.dtype), tuple(value.shape)) == ("FLOAT", (1, 3, 16, 24))


def test_pixels_that_cannot_be_floats_are_refused(load):
    with pytest.raises(ModelError, match="UINT8"):
        load("uint8[1,3,16,24] x", 'b = BitShift<direction="LEFT">(x, x) y = Cast<to=1>(b)')


def test_half_precision_is_widened_and_said(load):
    body = "c = Conv(x, w) y = Cast<to=1>(c)"
    source = load("float16[1,3,16,24] x", body, w=WEIGHT.astype(np.float16))
    assert source.notes == ("Half-precision weights are computed in float32.",)
    assert outputs(source, np.ones((1, 3, 16, 24), np.float32)).dtype == np.float32


def test_an_old_opset_with_initializers_listed_as_inputs_is_converted(load):
    body = 'c = Conv(x, w) y = Upsample<mode="nearest">(c, s)'
    source = load(
        "float[1,3,16,24] x, float[4,3,3,3] w, float[4] s",
        body,
        opset=9,
        w=WEIGHT,
        s=np.float32([1, 1, 2, 2]),
    )
    assert source.notes == ("Converted from opset 9 to 17.",)
    assert [value.name for value in source.graph.model.graph.inputs] == ["x"]


def test_a_form_that_computes_something_else_is_never_handed_on(load, monkeypatch):
    def wrong(model, _):
        copy = model.clone()
        weight = copy.graph.initializers["w"]
        weight.const_value = ir.tensor(WEIGHT * 1.01, name="w")
        return copy

    monkeypatch.setattr(stage, "raise_opset", wrong)
    with pytest.raises(ParityError, match="'y'"):
        load("float[1,3,16,24] x", w=WEIGHT)


def test_a_file_the_runtime_cannot_run_is_refused_as_a_bad_model(load):
    with pytest.raises(ModelError, match=r"expected a model that onnxruntime runs"):
        load("float[1,3,16,24] x", "y = com.microsoft.NoSuchOperator(x)")


def test_values_of_a_top_k_head_are_compared_in_front_of_it(load):
    body = """c = Conv(x, w) f = Flatten(c) i = Identity(f) s = Sigmoid(i)
    v, j = TopK(s, k) y = Reshape(v, shape)"""
    shape = np.array([1, 1, 1, 5])
    source = load("float[1,3,16,24] x", body, w=WEIGHT, k=np.array([5]), shape=shape)
    assert source.notes == ()


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1))
def test_a_damaged_file_loads_or_is_refused_and_never_crashes(tmp_path, flips):
    text = f"g (float[1,3,16,24] x) => (float[1,4,16,24] y) {{ {BODY} }}"
    data = bytearray(proto(text, w=WEIGHT).SerializeToString())
    for place, byte in flips:
        data[int(place * len(data))] = byte
    path = tmp_path / "model.onnx"
    path.write_bytes(data)
    with suppress(ModelError):
        assert load_onnx(path, RUNTIME).graph.model.graph.inputs[0].shape[1] == 3


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "size", "notes"),
    [
        ("yolov8n_unfused", 640, ()),
        ("yolox_nano_kazuhito", 416, ("Converted from opset 11 to 17.",)),
        ("picodet_s_320_coco", 320, ("Converted from opset 11 to 17.",)),
    ],
)
def test_real_detectors_load_with_parity(data_dir, name, size, notes):
    source = load_onnx(data_dir / "models" / f"{name}.onnx", OnnxRuntime())
    graph = source.graph.model.graph
    assert (source.size_hw, source.notes) == ((size, size), notes)
    assert [tuple(value.shape) for value in graph.inputs] == [(1, 3, size, size)]
    names = [node.name for node in graph]
    values = [value.name for node in graph for value in node.outputs]
    assert all(names)
    assert all(values)
    assert len(set(names)) == len(names)
    assert len({*values, *graph.initializers}) == len(values) + len(graph.initializers)
