import numpy as np
import pytest

from edgekit.backends.onnxruntime import OnnxRuntime
from edgekit.graphs import graph_from_model, graph_to_bytes
from edgekit.reparam.branches import (
    branch_obstacle,
    branch_of,
    identity_of,
    image_batch,
    image_shape,
    is_image,
    write_branch,
)
from edgekit.reparam.rules import take_over
from edgekit.reparam.taps import Taps
from tests.networks import network

RNG = np.random.default_rng(0)
RUNTIME = OnnxRuntime(threads=1, optimize=False)
WEIGHTS = {
    "w": RNG.normal(size=(6, 2, 3, 1)).astype(np.float32),
    "b": RNG.normal(size=6).astype(np.float32),
    "gamma": RNG.normal(size=4).astype(np.float32),
    "var": RNG.uniform(0.1, 1, 4).astype(np.float32),
}
NODES = {
    "conv": "Conv<group=2, pads=[1,0,1,0], strides=[2,1], dilations=[2,1]>(x, w, b)",
    "same": 'Conv<group=2, auto_pad="SAME_LOWER">(x, w)',
    "normalization": "BatchNormalization(x, gamma, var, gamma, var)",
    "average": "AveragePool<kernel_shape=[2,3], strides=[2,2]>(x)",
    "padded average": "AveragePool<kernel_shape=[3,3], pads=[1,1,1,1], count_include_pad=1>(x)",
}


def one_node(text: str, shape: str = "1,4,8,7"):
    graph = network(f"g (float[{shape}] x) => (y) {{ y = {text} }}", **WEIGHTS)
    return graph, graph.model.graph[0]


@pytest.mark.parametrize("name", NODES)
def test_a_branch_written_out_computes_what_its_node_does(name):
    graph, _ = one_node(NODES[name])
    x = RNG.normal(size=(1, 4, 8, 7)).astype(np.float32)
    model = graph.model.clone()
    node = model.graph[0]

    assert branch_obstacle(node) is None
    branch = branch_of(node)
    value = write_branch(branch, node, "written")
    assert tuple(value.shape) == tuple(node.outputs[0].shape)
    take_over(value, node.outputs[0])
    (written,) = model.graph
    assert (written.op_type, written.name) == ("Conv", branch.name)
    with (
        RUNTIME.open(graph_to_bytes(graph)) as before,
        RUNTIME.open(graph_to_bytes(graph_from_model(model))) as after,
    ):
        wanted = before.run({"x": x})["y"]
        np.testing.assert_allclose(after.run({"x": x})["y"], wanted, atol=1e-5)


def test_a_conv_is_read_as_it_is():
    _, node = one_node(NODES["conv"])
    branch = branch_of(node)

    assert (branch.name, branch.conv, branch.nodes) == ("Conv", node, (node,))
    assert (branch.groups, branch.shape, branch.strides) == (2, (6, 3, 7), (2, 1))
    assert (branch.rows, branch.cols) == (Taps(2, 3, -1, 2, 3, 1), Taps(1, 7))
    assert branch.macs == 6 * 2 * 3 * 3 * 7


def test_an_identity_takes_its_additions():
    graph, _ = one_node(NODES["average"])
    branch = identity_of(graph.model.graph.inputs[0])

    assert (branch.name, branch.nodes, branch.conv) == ("x", (), None)
    assert (branch.groups, branch.macs, branch.shape) == (4, 4 * 8 * 7, (4, 8, 7))


OBSTACLES = {
    "averages over fewer pixels": "AveragePool<kernel_shape=[3,3], pads=[1,1,1,1]>(x)",
    "rounds its size up": "AveragePool<kernel_shape=[3,3], strides=[2,2], ceil_mode=1>(x)",
    "variance plus epsilon is not positive": "BatchNormalization(x, var, var, var, gamma)",
    "no constant weight": "Conv<group=2>(x, w, n)",
}


@pytest.mark.parametrize("reason", OBSTACLES)
def test_what_is_no_convolution_of_its_image_is_told(reason):
    text = f"g (float[1,4,8,7] x, float[6] m) => (y) {{ n = Relu(m) y = {OBSTACLES[reason]} }}"
    node = network(text, **WEIGHTS).model.graph.outputs[0].producer()

    assert reason in branch_obstacle(node)


def test_an_image_of_unknown_size_is_told():
    _, node = one_node(NODES["normalization"], "1,4,N,7")

    assert "no image of a known size" in branch_obstacle(node)


def test_an_image_has_four_sizes_all_of_them_known():
    _, node = one_node(NODES["conv"], "2,4,8,7")
    assert is_image(node.inputs[0])
    assert (image_batch(node.inputs[0]), image_shape(node.inputs[0])) == (2, (4, 8, 7))
    assert not is_image(one_node("Relu(x)", "1,4,8")[1].inputs[0])
    assert not is_image(one_node("Relu(x)", "1,4,8,W")[1].inputs[0])
