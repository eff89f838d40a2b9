import numpy as np
import pytest

from edgekit.backends.onnxruntime import OnnxRuntime
from edgekit.graphs import graph_from_model, graph_to_bytes
from edgekit.reparam.algebra import Linear
from edgekit.reparam.layers import (
    batchnorm_obstacle,
    batchnorm_of,
    constant_of,
    linear_of,
    set_linear,
)
from edgekit.reparam.parity import prove_parity
from tests.networks import network

W = np.arange(6, dtype=np.float32).reshape(3, 2)
X = {"x": np.array([[1.0, -2.0]], np.float32)}


def gemm(attributes: str, weight: np.ndarray, bias: np.ndarray | None):
    arrays = {"w": weight} if bias is None else {"w": weight, "b": bias}
    inputs = ", ".join(["x", *arrays])
    return network(f"g (float[1,2] x) => (y) {{ y = Gemm{attributes}({inputs}) }}", **arrays)


@pytest.mark.parametrize("bias", [None, np.float32([7.0]), np.float32([[1.0, 2.0, 3.0]])])
@pytest.mark.parametrize("attributes", ["<transB=1>", "<transB=1, alpha=0.5, beta=2.0>", ""])
def test_a_gemm_is_read_and_written_back_without_its_attributes(attributes, bias):
    graph = gemm(attributes, W if attributes else np.ascontiguousarray(W.T), bias)
    model = graph.model.clone()
    node = model.graph[0]
    layer = linear_of(node)
    assert layer.weight.shape == (2, 3)
    assert layer.bias.shape == (3,)
    set_linear(node, layer)
    assert dict(node.attributes) == {}
    parity = prove_parity(graph, graph_from_model(model), OnnxRuntime(threads=1), [X])
    assert parity.max_abs < 1e-6


def test_a_bias_per_row_of_a_gemm_is_no_bias_per_channel():
    graph = gemm("<transB=1>", W, np.float32([[1.0]]))
    assert linear_of(graph.model.graph[0]).bias.tolist() == [1.0, 1.0, 1.0]
    rows = network(
        "g (float[3,2] x) => (y) { y = Gemm<transB=1>(x, w, b) }", w=W, b=np.ones((3, 1), "f")
    )
    assert linear_of(rows.model.graph[0]) is None


def test_computed_weights_are_none():
    graph = network("g (float[1,2,4,4] x, float[3,2,1,1] v) => (y) { w = Relu(v) y = Conv(x, w) }")
    assert linear_of(graph.model.graph[1]) is None
    assert constant_of(None) is None


def test_computed_statistics_are_none():
    graph = network(
        """g (float[1,2,4,4] x, float[2] v) => (y)
        { m = Relu(v) y = BatchNormalization(x, one, one, m, one) }""",
        one=np.ones(2, np.float32),
    )
    assert batchnorm_of(graph.model.graph[1]) is None


def test_a_layer_gets_initializers_of_its_own():
    graph = network(
        "g (float[1,2] x) => (y, z) { y = MatMul(x, w) z = Gemm(x, w) }",
        w=np.ascontiguousarray(W.T),
    )
    model = graph.model.clone()
    set_linear(model.graph[1], Linear(np.zeros((2, 3)), np.ones(3)))
    with OnnxRuntime(threads=1).open(graph_to_bytes(graph_from_model(model))) as session:
        outputs = session.run(X)
    assert outputs["y"].tolist() == (X["x"] @ W.T).tolist()
    assert outputs["z"].tolist() == [[1.0, 1.0, 1.0]]


def test_a_second_rewrite_of_a_layer_finds_a_name_for_its_weights():
    graph = network("g (float[1,2] x) => (y) { y = Gemm(x, w) }", w=np.ascontiguousarray(W.T))
    model = graph.model.clone()
    for value in (5.0, 6.0):
        set_linear(model.graph[0], Linear(np.zeros((2, 3)), np.full(3, value)), "merged")
    names = [value.name for value in model.graph[0].inputs[1:]]
    assert names == ["Gemm.weight.merged_1", "Gemm.bias.merged_1"]
    with OnnxRuntime(threads=1).open(graph_to_bytes(graph_from_model(model))) as session:
        assert session.run(X)["y"].tolist() == [[6.0, 6.0, 6.0]]


@pytest.mark.parametrize(("variance", "reason"), [(1.0, None), (-1.0, "not positive")])
def test_a_normalization_by_a_negative_variance_is_no_line(variance, reason):
    graph = network(
        "g (float[1,2,4,4] x) => (y) { y = BatchNormalization(x, one, one, one, var) }",
        one=np.ones(2, np.float32),
        var=np.float32([1.0, variance]),
    )
    found = batchnorm_obstacle(graph.model.graph[0])
    assert found is None if reason is None else reason in found
