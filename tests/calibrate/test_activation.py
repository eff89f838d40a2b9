import numpy as np
import pytest
from onnx_ir import convenience

from edgekit.backends.onnxruntime import OnnxRuntime
from edgekit.calibrate.activation import activation_after
from edgekit.graphs import graph_to_bytes
from tests.networks import network

X = np.linspace(-12, 12, 481, dtype=np.float32)[None]
SCALARS = {
    "one": np.float32(1.0),
    "three": np.float32(3.0),
    "six": np.float32([6.0]),
    "zero": np.float32(0.0),
    "sixth": np.float32(1 / 6),
}
FOUND = {
    "SiLU": "s = Sigmoid(v) y = Mul(s, v)",
    "SiLU by division": "n = Neg(x) s = Sigmoid(v) y = Mul(v, s)",
    "HardSwish": "y = HardSwish(v)",
    "HardSwish by Clip": "a = Add(v, three) c = Clip(a, zero, six) d = Div(c, six) y = Mul(v, d)",
    "HardSwish by factor": "a = Add(v, three) c = Clip(a, zero, six) "
    "m = Mul(c, sixth) y = Mul(v, m)",
    "HardSwish by HardSigmoid": "h = HardSigmoid<alpha = 0.16666667>(v) y = Mul(v, h)",
    "Mish": "p = Softplus(v) t = Tanh(p) y = Mul(v, t)",
    "LeakyRelu": "y = LeakyRelu<alpha = 0.1>(v)",
    "LeakyRelu by default": "y = LeakyRelu(v)",
    "Relu": "y = Relu(v)",
    "Relu6": "y = Clip(v, zero, six)",
    "upper bound alone": "y = Clip(v, , six)",
    "Sigmoid": "y = Sigmoid(v)",
    "HardSigmoid by default": "y = HardSigmoid(v)",
}
NOT_FOUND = {
    "also read elsewhere": "s = Sigmoid(v) m = Mul(s, v) p = Neg(v) y = Add(m, p)",
    "half of it read elsewhere": "s = Sigmoid(v) m = Mul(s, v) p = Neg(s) y = Add(m, p)",
    "joined with another value": "y = Add(v, x)",
    "read by a weighted layer": "y = MatMul(v, square)",
    "no element-wise node": "y = Softmax(v)",
    "scaled per channel": "y = Mul(v, each)",
    "longer than any activation": "a = Relu(v) b = Add(a, v) c = Add(b, v) d = Add(c, v) "
    "e = Add(d, v) f = Add(e, v) y = Add(f, v)",
}


def graph_of(text, outputs="y"):
    header = f"g (float[1,481] x) => ({outputs}) {{ v = Neg(x) "
    weights = {"each": np.ones(481, np.float32), "square": np.eye(481, dtype=np.float32)}
    return network(header + text + " }", **SCALARS, **weights)


def value_of(graph, name="v"):
    return convenience.create_value_mapping(graph.model.graph)[name]


def run(graph, x):
    with OnnxRuntime(threads=1).open(graph_to_bytes(graph)) as session:
        return session.run({"x": x})["y"]


@pytest.mark.parametrize("text", FOUND.values(), ids=FOUND)
def test_an_activation_is_found_and_computes_what_the_runtime_does(text):
    graph = graph_of(text)

    function = activation_after(value_of(graph)).function

    assert function is not None
    np.testing.assert_allclose(function(-X.astype(np.float64)), run(graph, X), atol=2e-6)


@pytest.mark.parametrize("text", NOT_FOUND.values(), ids=NOT_FOUND)
def test_what_is_no_activation_is_none(text):
    assert activation_after(value_of(graph_of(text))) is None


def test_a_value_that_leaves_the_network_is_seen_as_it_is():
    graph = graph_of("y = Relu(v)", outputs="y, v")

    assert activation_after(value_of(graph)) is None


def test_an_activation_ends_where_others_read_it():
    graph = graph_of("s = Sigmoid(v) m = Mul(v, s) a = Add(m, three) b = Neg(m) y = Add(a, b)")

    function = activation_after(value_of(graph)).function

    assert function(np.float64(2.0)) == pytest.approx(2 / (1 + np.exp(-2)))


def test_a_division_at_the_end_is_left_out_for_it_changes_no_choice():
    graph = graph_of("a = Add(v, three) c = Clip(a, zero, six) m = Mul(v, c) y = Div(m, six)")

    function = activation_after(value_of(graph)).function

    np.testing.assert_allclose(function(-X.astype(np.float64)) / 6, run(graph, X), atol=2e-6)


@pytest.mark.parametrize("text", [FOUND["SiLU"], FOUND["Mish"], FOUND["Sigmoid"]])
def test_values_far_out_overflow_nothing(text):
    far = np.array([-1e6, 1e6])

    with np.errstate(all="raise", under="ignore"):
        result = activation_after(value_of(graph_of(text))).function(far)

    assert np.isfinite(result).all()
