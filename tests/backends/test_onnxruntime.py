from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import onnx
import onnxruntime as ort
import pytest

from edgekit.backends import onnxruntime as module
from edgekit.backends.onnxruntime import OnnxRuntime
from edgekit.errors import MissingError, StageError
from edgekit.protocols import Backend, StreamsBackend

MODEL = """
<ir_version: 8, opset_import: ["" : 17]>
two (float[N, 3] x) => (float[N, 3] up, float[N, 3] down) {
    up = Abs(x)
    down = Neg(up)
}
"""
X = np.array([[1, -2, 3]], np.float32)


@pytest.fixture
def model():
    return onnx.parser.parse_model(MODEL).SerializeToString()


@pytest.fixture
def runtime():
    return OnnxRuntime(threads=1, spin=False)


def test_every_output_comes_back_by_name(runtime, model):
    with runtime.open(model) as session:
        outputs = session.run({"x": X})

    assert list(outputs) == ["up", "down"]
    np.testing.assert_array_equal(outputs["down"], [[-1, -2, -3]])


def test_inputs_and_outputs_are_described_in_order(runtime, model):
    with runtime.open(model) as session:
        assert [(i.name, i.dtype, i.shape) for i in session.inputs] == [("x", "float", (None, 3))]
        assert [o.name for o in session.outputs] == ["up", "down"]


def test_a_file_opens_like_bytes(runtime, model, tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(model)

    with runtime.open(path) as session:
        assert session.run({"x": X})["up"].shape == (1, 3)


def test_the_graph_as_it_runs_can_be_written(runtime, model, tmp_path):
    path = tmp_path / "optimized.onnx"

    with replace(runtime, optimized_path=path).open(model):
        pass

    assert onnx.load(path).graph.name == "two"


def test_a_runtime_goes_to_another_process(runtime):
    copy = pickle.loads(pickle.dumps(runtime))

    assert copy == runtime
    assert isinstance(copy, Backend)
    assert copy.name == "onnxruntime"


@pytest.mark.parametrize("source", [b"not a model", b""])
def test_what_cannot_be_opened_is_a_stage_error(runtime, source):
    with pytest.raises(StageError, match="cannot open the network"):
        runtime.open(source)


def test_a_missing_file_is_named(runtime, tmp_path):
    with pytest.raises(StageError, match=r"cannot open .*nowhere\.onnx"):
        runtime.open(tmp_path / "nowhere.onnx")


@pytest.mark.parametrize("feeds", [{}, {"y": X}, {"x": X[0]}, {"x": X.astype(np.float64)}])
def test_inputs_that_do_not_fit_are_a_stage_error(runtime, model, feeds):
    with runtime.open(model) as session, pytest.raises(StageError, match="the model takes"):
        session.run(feeds)


def test_a_closed_session_says_so(runtime, model):
    with runtime.open(model) as session:
        pass

    with pytest.raises(StageError, match="closed"):
        session.run({"x": X})


@pytest.mark.skipif(
    "CUDAExecutionProvider" in ort.get_available_providers(), reason="it has the CUDA provider"
)
def test_streams_run_at_the_same_time_on_the_threads_that_call_them(runtime, model):
    inputs = [X * n for n in range(1, 4)]
    streams = runtime.open_streams(model, 3)

    with ThreadPoolExecutor(3) as threads:
        found = list(threads.map(lambda s, x: s.run({"x": x})["up"], streams, inputs))

    assert isinstance(runtime, StreamsBackend)
    for given, got in zip(inputs, found, strict=True):
        np.testing.assert_array_equal(got, np.abs(given))


@pytest.mark.parametrize(("streams", "threads"), [(1, 4), (2, 3), (4, 1), (8, 1)])
def test_streams_leave_the_runtime_the_threads_they_do_not_take(
    model, monkeypatch, streams, threads
):
    monkeypatch.setattr(module, "read_host", lambda: SimpleNamespace(cores=4))

    first = OnnxRuntime().open_streams(model, streams)[0]

    assert first._session.get_session_options().intra_op_num_threads == threads


def test_a_provider_that_is_not_here_is_missing_and_nothing_runs_in_its_place(runtime, model):
    with pytest.raises(MissingError, match="pip install onnxruntime-gpu"):
        replace(runtime, provider="cuda").open(model)


def test_a_provider_that_does_not_start_is_missing_and_nothing_runs_in_its_place(
    runtime, model, monkeypatch
):
    swapped = {"cpu": ("CPUExecutionProvider",), "cuda": ("NoSuchProvider", "CPUExecutionProvider")}
    monkeypatch.setattr(module, "_PROVIDERS", swapped)
    monkeypatch.setattr(module, "_require", lambda provider: None)

    with (
        pytest.warns(UserWarning, match="NoSuchProvider"),
        pytest.raises(MissingError, match="does not start here: expected an NVIDIA GPU"),
    ):
        replace(runtime, provider="cuda").open(model)


ROUNDED = """
<ir_version: 8, opset_import: ["" : 17]>
rounded (float[1,2,2,2] x) => (float[1,2,2,2] y)
<float s = {0.5}, int8 z = {0}, int8[2,2,1,1] k = {1, 2, 3, -4}, float[2] ks = {0.25, 0.5},
 int8[2] kz = {0, 0}>
{
    q = QuantizeLinear(x, s, z)
    d = DequantizeLinear(q, s, z)
    w = DequantizeLinear<axis = 0>(k, ks, kz)
    c = Conv(d, w)
    r = Relu(c)
    rq = QuantizeLinear(r, s, z)
    rd = DequantizeLinear(rq, s, z)
    e = Conv(rd, w)
    eq = QuantizeLinear(e, s, z)
    y = DequantizeLinear(eq, s, z)
}
"""


def test_without_integers_every_rounding_of_the_file_stays_and_layers_compute_in_floats(
    runtime, tmp_path
):
    model = onnx.parser.parse_model(ROUNDED).SerializeToString()
    x = np.random.default_rng(0).normal(0, 3, (1, 2, 2, 2)).astype(np.float32)
    x[0, 0, 0] = [0.25, 0.75]  # halves of a step: rounded to even
    written = tmp_path / "run.onnx"

    with replace(runtime, integers=False, optimized_path=written).open(model) as session:
        found = session.run({"x": x})["y"]

    kinds = [node.op_type for node in onnx.load(written).graph.node]
    assert (kinds.count("QuantizeLinear"), kinds.count("DequantizeLinear")) == (3, 3)
    assert not any(kind.startswith(("QLinear", "QGemm")) for kind in kinds)
    kernel = np.float32([[1, 2], [3, -4]]) * np.float32([[0.25], [0.5]])

    def rounding(values):
        return np.clip(np.rint(values / 0.5), -128, 127) * 0.5

    first = np.maximum(np.einsum("oi,nihw->nohw", kernel, rounding(x)), 0)
    second = np.einsum("oi,nihw->nohw", kernel, rounding(first))
    assert np.array_equal(found, rounding(second).astype(np.float32))


def test_with_integers_the_runtime_rewrites_such_a_file(runtime, tmp_path):
    model = onnx.parser.parse_model(ROUNDED).SerializeToString()
    written = tmp_path / "run.onnx"

    with replace(runtime, optimized_path=written).open(model):
        kinds = [node.op_type for node in onnx.load(written).graph.node]

    assert "QLinearConv" in kinds
