import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgekit.backends.onnxruntime import OnnxRuntime
from edgekit.errors import ParityError, StageError
from edgekit.export import simplify as stage
from edgekit.export.simplify import simplify
from edgekit.graphs import graph_from_model, graph_from_proto
from edgekit.reparam.fold import fold_batchnorm
from edgekit.reparam.normal_form import normal_form
from edgekit.reparam.probes import probe_inputs
from tests.networks import network

RUNTIME = OnnxRuntime(threads=1)
SHAPE_ARITHMETIC = """g (float[1,2,4,4] x) => (y) {
n = Shape(x) batch = Gather(n, zero) rest = Gather(n, ones) all = ReduceProd(rest)
target = Concat<axis=0>(batch, all) d = Dropout(x) r = Reshape(d, target) y = Relu(r) }"""
UNNORMALIZED = """g (float[1,2,4,4] x) => (y) {
c = Conv(x, w) y = BatchNormalization(c, one, one, one, one) }"""


def test_shape_arithmetic_and_nodes_that_do_nothing_disappear():
    graph = network(SHAPE_ARITHMETIC, zero=np.array([0]), ones=np.array([1, 2, 3]))
    simpler = simplify(graph, RUNTIME, probe_inputs(graph))
    assert [node.op_type for node in simpler.model.graph] == ["Reshape", "Relu"]
    assert [value.name for value in simpler.model.graph.outputs] == ["y"]
    assert simpler.parent == graph.sha256
    assert not simpler.model.metadata_props


def test_batch_norms_stay():
    ones = np.ones(2, np.float32)
    graph = network(UNNORMALIZED, w=np.ones((2, 2, 1, 1), np.float32), one=ones)
    simpler = simplify(graph, RUNTIME, probe_inputs(graph))
    assert [node.op_type for node in simpler.model.graph] == ["Conv", "BatchNormalization"]


@settings(max_examples=20, deadline=None)
@given(st.lists(st.sampled_from(["Relu", "Identity", "Neg", "Dropout", "Reshape"]), max_size=6))
def test_a_simplified_graph_stays_as_it_is(operators):
    steps = {
        "Reshape": "s{0} = Shape(v{0}) v{1} = Reshape(v{0}, s{0})",
        "Dropout": "v{1} = Dropout(v{0})",
    }
    body = " ".join(
        steps.get(op, f"v{{1}} = {op}(v{{0}})").format(i, i + 1) for i, op in enumerate(operators)
    )
    graph = network(f"g (float[1,4] v0) => (y) {{ {body} y = Relu(v{len(operators)}) }}")
    once = simplify(graph, RUNTIME, probe_inputs(graph))
    assert simplify(once, RUNTIME, probe_inputs(graph)).sha256 == once.sha256


def test_a_graph_that_onnxsim_cannot_read_is_an_error():
    graph = network("g (float[1,4] x) => (y) { y = Relu(x) }")
    model = graph.model.clone()
    model.graph.outputs[0].type = None
    with pytest.raises(StageError, match="onnxsim cannot simplify"):
        simplify(graph_from_model(model), RUNTIME, probe_inputs(graph))


def test_a_simplifier_that_changes_the_result_is_caught(monkeypatch):
    graph = network("g (float[1,4] x) => (y) { y = Relu(x) }")
    other = network("g (float[1,4] x) => (y) { y = Exp(x) }")
    monkeypatch.setattr(stage, "_simplify_once", lambda _: other)
    with pytest.raises(ParityError, match="'y'"):
        simplify(graph, RUNTIME, probe_inputs(graph))


def test_a_simplifier_that_never_rests_is_stopped(monkeypatch):
    graphs = [network(f"g (float[1,{n}] x) => (y) {{ y = Relu(x) }}") for n in range(1, 7)]
    monkeypatch.setattr(stage, "_simplify_once", lambda g: graphs[graphs.index(g) + 1])
    with pytest.raises(StageError, match="5 rounds"):
        simplify(graphs[0], RUNTIME, [])


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "convolutions", "folds"),
    [("yolov8n_unfused", 64, 57), ("yolov5n", 60, 0), ("picodet_s_320_coco", 133, 0)],
)
def test_real_detectors_simplify_and_then_fold(data_dir, name, convolutions, folds):
    proto = onnx.load(data_dir / "models" / f"{name}.onnx")
    graph = graph_from_model(normal_form(graph_from_proto(proto).model))
    simpler = simplify(graph, OnnxRuntime(), probe_inputs(graph))
    operators = [node.op_type for node in simpler.model.graph]
    assert operators.count("Conv") == convolutions
    assert not {"Shape", "Constant", "Identity"}.intersection(operators)
    assert all(v.shape.is_static() for node in simpler.model.graph for v in node.outputs)
    result = fold_batchnorm(simpler)
    assert (len(result.done), result.refused) == (folds, ())
