import sys
from pathlib import Path

import numpy as np
import pytest

from edgekit.backends.onnxruntime import OnnxRuntime
from edgekit.graphs import graph_to_bytes
from tests.networks import network

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

from float64 import Float64Runtime, in_float64

IMAGE = "g (float[1,4,7,6] x) => (y)"
RANDOM = np.random.default_rng(0)
WEIGHTS = {
    "w": RANDOM.normal(size=(6, 2, 3, 2)).astype("f"),
    "t": RANDOM.normal(size=(4, 3, 2, 2)).astype("f"),
    "b": RANDOM.normal(size=6).astype("f"),
    "i": np.array([[[[0, -1, 3, 2, 1, 0]]]]),
}
NODES = (
    "y = Conv<group=2, strides=[2,1], pads=[1,0,2,1], dilations=[1,2]>(x, w, b)",
    "y = Conv<group=2>(x, w)",
    "y = ConvTranspose<strides=[2,2]>(x, t)",
    "y = MaxPool<kernel_shape=[3,2], strides=[2,1], pads=[1,0,1,1]>(x)",
    "y = MaxPool<kernel_shape=[2,2], strides=[2,2], ceil_mode=1>(x)",
    "y = GatherElements<axis=2>(x, i)",
)


def run(runtime, graph, feeds):
    with runtime.open(graph_to_bytes(graph)) as session:
        return session.run(feeds)["y"]


@pytest.mark.parametrize("node", NODES)
def test_it_computes_what_onnx_runtime_does(node):
    used = {name: array for name, array in WEIGHTS.items() if f", {name}" in node}
    graph = network(f"{IMAGE} {{ {node} }}", **used)
    feeds = {"x": RANDOM.normal(size=(1, 4, 7, 6)).astype("f")}

    wide = run(Float64Runtime(), in_float64(graph), feeds)
    expected = run(OnnxRuntime(threads=1), graph, feeds)

    assert wide.dtype == np.float64
    np.testing.assert_allclose(wide, expected, rtol=1e-5, atol=1e-5)


def test_nothing_is_rounded_to_float32():
    graph = network("g (float[2] x) => (y) { a = Cast<to=1>(x) y = Mul(a, k) }", k=np.float32([3]))
    third = np.array([1 / 3, 1 / 7])

    found = run(Float64Runtime(), in_float64(graph), {"x": third})

    assert found.tolist() == (3 * third).tolist()


def test_a_session_tells_its_inputs_and_outputs():
    graph = in_float64(network("g (float[1,2] x) => (float[1,2] y) { y = Relu(x) }"))

    with Float64Runtime().open(graph_to_bytes(graph)) as session:
        (given,), (made,) = session.inputs, session.outputs

    assert (given.name, given.shape, made.dtype) == ("x", (1, 2), "double")
    assert Float64Runtime().name == "float64"
