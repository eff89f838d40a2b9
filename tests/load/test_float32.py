import numpy as np
import onnx_ir as ir

from edgekit.backends.onnxruntime import OnnxRuntime
from edgekit.graphs import graph_from_model, graph_from_proto
from edgekit.load.float32 import has_half, widen_half
from edgekit.reparam.normal_form import normal_form
from edgekit.reparam.parity import evaluate
from tests.networks import proto

HALF = """g (float16[1,2,4,4] x) => (float[1,2,4,4] y, float16[2] z) {
c = Conv(x, w) n = Shape(w) k = Constant<value = float16[1] {15360}>()
a = Add(c, k) f = Cast<to=1>(a) h = Cast<to=10>(f) y = Cast<to=1>(h)
two = Slice(n, zero, one) z = ConstantOfShape<value = float16[1] {16384}>(two) }"""
WEIGHTS = {
    "w": np.random.default_rng(0).normal(size=(2, 2, 1, 1)).astype(np.float16),
    "zero": np.array([0]),
    "one": np.array([1]),
}


def test_nothing_half_is_left_and_weights_keep_their_values():
    before = graph_from_proto(proto(HALF, **WEIGHTS))
    after = widen_half(normal_form(before.model))
    assert has_half(before.model)
    assert not has_half(after)
    np.testing.assert_array_equal(after.graph.initializers["w"].const_value.numpy(), WEIGHTS["w"])
    assert {value.dtype for value in after.graph.outputs} == {ir.DataType.FLOAT}


def test_the_widened_network_computes_the_same_within_half_precision():
    before = graph_from_proto(proto(HALF, **WEIGHTS))
    after = graph_from_model(widen_half(normal_form(before.model)))
    x = np.random.default_rng(1).normal(size=(1, 2, 4, 4)).astype(np.float16)
    runtime = OnnxRuntime(threads=1)
    (wanted,) = evaluate(before, ("y", "z"), runtime, [{"x": x}])
    (found,) = evaluate(after, ("y", "z"), runtime, [{"x": x.astype(np.float32)}])
    np.testing.assert_allclose(found["y"], wanted["y"], atol=1e-2)
    np.testing.assert_array_equal(found["z"], wanted["z"])


def test_a_float_network_has_nothing_half():
    model = graph_from_proto(proto("g (float[1] x) => (y) { y = Cast<to=1>(x) }")).model
    assert not has_half(model)
