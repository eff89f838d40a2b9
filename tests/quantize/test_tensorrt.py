import numpy as np
import onnx
import onnx_ir as ir
import pytest

from edgekit.errors import StageError
from edgekit.graphs import graph_from_proto, graph_to_proto
from edgekit.quantize.half_rounding import rounded
from edgekit.quantize.plan import plan
from edgekit.quantize.quantize import quantize
from edgekit.quantize.rules import TENSORRT
from edgekit.quantize.tensorrt import strongly_typed, weakly_typed
from edgekit.values import Range, Statistics, TensorStatistics
from tests import networks
from tests.quantize import eight_bits
from tests.quantize.eight_bits import normal

WEIGHTS = {
    "k": normal(16, 3, 3, 3, spread=0.2),
    "w": normal(16, 16, 1, 1, spread=0.3),
    "b": normal(16),
    "h": np.float32(1 / 255),
    "z": np.uint8(0),
}
TEXT = """g (uint8[1,8,8,3] u) => (float[1,16,6,6] y) {
    t = Transpose<perm = [0,3,1,2]>(u) x = DequantizeLinear(t, h, z) c = Conv(x, k, b)
    s = Sigmoid(c) m = Mul(c, s) d = Conv(m, w, b) y = Exp(d)
}"""
PIXELS = np.random.default_rng(0).integers(0, 256, (1, 8, 8, 3)).astype(np.uint8)


@pytest.fixture(scope="module")
def graph():
    return networks.network(TEXT, **WEIGHTS)


@pytest.fixture(scope="module")
def quantized(graph):
    decided = plan(graph, TENSORRT, {})
    ranges = {name: Range(-1.0, 1.0) for name in decided.leaders}
    return quantize(graph, decided, ranges, "full").graph


def types_of(graph):
    """The types of every value by the operator that makes it."""
    found = {}
    inferred = onnx.shape_inference.infer_shapes(graph_to_proto(graph), strict_mode=True)
    for node in ir.serde.deserialize_model(inferred).graph:
        found.setdefault(node.op_type, set()).update(value.dtype for value in node.outputs)
    return found


def run(graph):
    return eight_bits.run(graph, {"u": PIXELS})["y"]


def test_an_image_is_cast_before_anything_else_reads_it(quantized):
    found = weakly_typed(quantized)

    image = found.model.graph.inputs[0]
    assert [use.node.op_type for use in image.uses()] == ["Cast"]
    assert ir.DataType.UINT8 not in set().union(*types_of(found).values())
    kinds = [node.op_type for node in found.model.graph]
    assert kinds.count("Cast") == 1


def test_a_weakly_typed_network_computes_the_same_in_float32(quantized):
    found = weakly_typed(quantized)

    assert types_of(found)["DequantizeLinear"] == {ir.DataType.FLOAT}
    assert np.allclose(run(found), run(quantized), rtol=1e-5)


def test_an_image_that_is_given_in_floats_stays_as_it_is():
    graph = networks.network("g (float[1,3,8,8] x) => (y) { y = Conv(x, k, b) }", **WEIGHTS)

    assert weakly_typed(graph) is graph


def test_a_mean_taken_from_the_image_is_taken_from_floats():
    text = """g (uint8[1,8,8,3] u) => (y) {
        t = Transpose<perm = [0,3,1,2]>(u) f = Cast<to = 1>(t) y = Sub(f, mean)
    }"""
    graph = networks.network(text, mean=np.ones((1, 3, 1, 1), np.float32))

    found = weakly_typed(graph)

    assert [node.op_type for node in found.model.graph] == ["Cast", "Transpose", "Sub"]
    assert np.array_equal(run(found), run(graph))


def test_a_strongly_typed_network_has_16_bits_and_scales_of_16_bits(quantized):
    found = strongly_typed(quantized)

    types = types_of(found)
    assert found.model.opset_imports[""] == 19
    assert types["DequantizeLinear"] == types["Conv"] == types["Sigmoid"] == {ir.DataType.FLOAT16}
    assert types["QuantizeLinear"] == {ir.DataType.INT8}
    assert types["Exp"] == {ir.DataType.FLOAT}
    onnx.checker.check_model(graph_to_proto(found), full_check=True)


def test_both_hold_the_same_integers_and_scales(quantized):
    weak, strong = weakly_typed(quantized), strongly_typed(quantized)

    def constants(graph, end):
        values = graph.model.graph.initializers.values()
        return {v.name: v.const_value.numpy() for v in values if v.name.endswith(end)}

    for end in ("_integers", "_scale"):
        narrow = constants(strong, end)
        assert narrow
        for name, wide in constants(weak, end).items():
            assert np.array_equal(narrow[name], wide), name


def test_it_computes_what_the_weakly_typed_one_does_but_for_rounding(quantized):
    exact, found = run(weakly_typed(quantized)), run(rounded(strongly_typed(quantized)))

    assert 0 < np.abs(found - exact).max() < 0.05 * np.abs(exact).max()


def test_a_decode_computes_in_float32(quantized):
    name = next(node.name for node in quantized.model.graph if node.op_type == "Mul")

    assert types_of(strongly_typed(quantized, [name]))["Mul"] == {ir.DataType.FLOAT}


def test_what_calibration_saw_too_large_stays_in_float32(quantized):
    seen = TensorStatistics(-1.0, 5e4, -1.0, 5e4, 6e4, np.ones(4, np.int64), np.zeros(0))

    found = strongly_typed(quantized, statistics=Statistics({"c": seen}, 1, ""))

    convs = [node for node in found.model.graph if node.op_type == "Conv"]
    assert [conv.outputs[0].dtype for conv in convs] == [ir.DataType.FLOAT, ir.DataType.FLOAT16]
    assert {value.producer().op_type for conv in convs for value in conv.inputs[:2]} == {
        "DequantizeLinear"
    }


def test_a_network_without_integers_is_in_16_bits_alike(graph):
    found = strongly_typed(graph)

    types = types_of(found)
    assert types["Conv"] == types["Mul"] == {ir.DataType.FLOAT16}
    assert types["Exp"] == {ir.DataType.FLOAT}
    assert "DequantizeLinear" not in types
    assert np.allclose(run(rounded(found)), run(graph), rtol=0.05)


def test_a_network_of_a_later_opset_keeps_it():
    text = "g (float[1,16,6,6] x) => (y) { y = Conv(x, w, b) }"
    later = graph_from_proto(networks.proto(text, 21, **WEIGHTS))

    assert strongly_typed(later).model.opset_imports[""] == 21


def test_what_no_converter_raises_is_refused_with_what_to_do(quantized, monkeypatch):
    def fail(*_):
        raise RuntimeError("no adapter for Foo")

    monkeypatch.setattr("edgekit.quantize.tensorrt.version_converter.convert_version", fail)

    with pytest.raises(StageError, match="opset 19, which scales in 16 bits need: no adapter"):
        strongly_typed(quantized)
