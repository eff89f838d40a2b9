import numpy as np
import pytest

from edgekit.backends.coverage import NOT_FUSED, FloatNode, read_coverage
from edgekit.backends.onnxruntime import OnnxRuntime
from edgekit.backends.openvino import OpenVino
from edgekit.quantize.plan import plan
from edgekit.quantize.quantize import quantize
from edgekit.quantize.rules import OPENVINO_X86
from edgekit.values import Range
from tests.networks import network
from tests.quantize.eight_bits import normal

RUNTIME = OnnxRuntime(threads=1, spin=False)
SHARED = {
    "s": np.float32(0.1),
    "z": np.uint8(128),
    "w": np.ones((4, 4, 1, 1), np.float32),
    "i": np.ones((4, 4, 1, 1), np.int8),
    "t": np.float32([0.1] * 4),
    "n": np.zeros(4, np.int8),
}
FLOAT = network(
    """g (float[1,4,8,8] x) => (y) {
        a = Conv(x, w) b = Conv<strides = [2,2]>(a, w) e = Exp(b) y = Conv(e, w)
    }""",
    **SHARED,
)
INT8 = """g (float[1,4,8,8] x) => (y) {
    xq = QuantizeLinear(x, s, z) xd = DequantizeLinear(xq, s, z)
    wd = DequantizeLinear<axis = 0>(i, t, n)
    a = Conv(xd, wd) aq = QuantizeLinear(a, s, z) ad = DequantizeLinear(aq, s, z)
    b = Conv<strides = [2,2]>(ad, %s) e = Exp(b) y = Conv(e, w)
}"""
MACS = {"Conv": 4 * 64 * 4, "Conv_1": 4 * 16 * 4, "Conv_2": 4 * 16 * 4}


def read(text, kept):
    return read_coverage(FLOAT, network(text, **SHARED), kept, RUNTIME)


def test_layers_are_counted_as_the_runtime_runs_them():
    coverage = read(INT8 % "w", {"Conv_1": "for a test", "Conv_2": "last", "Exp": "decode"})

    total = sum(MACS.values())
    assert coverage.int8 == 1
    assert coverage.mac_share_int8 == pytest.approx(MACS["Conv"] / total)
    assert coverage.float_nodes == (
        FloatNode("Conv_1", MACS["Conv_1"] / total, "for a test"),
        FloatNode("Conv_2", MACS["Conv_2"] / total, "last"),
    )
    assert (coverage.operators["QLinearConv"], coverage.operators["Exp"]) == (1, 1)


def test_a_layer_that_should_have_fused_says_so():
    coverage = read(INT8 % "wd", {"Conv_2": "last"})

    assert [(n.name, n.reason) for n in coverage.float_nodes] == [
        ("Conv_1", NOT_FUSED),
        ("Conv_2", "last"),
    ]


def test_a_network_in_float_is_all_float():
    coverage = read_coverage(FLOAT, FLOAT, {}, RUNTIME)

    assert (coverage.int8, coverage.mac_share_int8) == (0, 0)
    assert [node.name for node in coverage.float_nodes] == ["Conv", "Conv_1", "Conv_2"]
    assert sum(node.mac_share for node in coverage.float_nodes) == pytest.approx(1)


def test_a_network_without_layers_has_nothing_to_count():
    graph = network("g (float[2] x) => (y) { y = Exp(x) }")

    coverage = read_coverage(graph, graph, {}, RUNTIME)

    assert (coverage.int8, coverage.float_nodes, coverage.mac_share_int8) == (0, (), 0)


def test_openvino_is_asked_what_it_ran():
    weights = {"w": normal(8, 8, 3, 3, spread=0.2), "b": normal(8), "v": normal(4, 8, 1, 1)}
    graph = network(
        "g (float[1,8,8,8] x) => (y) { c = Conv(x, w, b) s = Sigmoid(c) m = Mul(c, s) "
        "y = Conv(m, v) }",
        **weights,
    )
    decided = plan(graph, OPENVINO_X86, {"Conv_1": "last"})
    ranges = {name: Range(-4.0, 4.0) for name in decided.leaders}
    quantized = quantize(graph, decided, ranges, "narrow").graph

    coverage = read_coverage(graph, quantized, decided.kept_float, OpenVino(threads=1))

    assert coverage.int8 == 1
    assert [(node.name, node.reason) for node in coverage.float_nodes] == [("Conv_1", "last")]
    assert coverage.operators["Convolution"] == 2
    assert "Const" not in coverage.operators


def test_where_nothing_runs_in_integers_here_the_file_tells_what_does_elsewhere():
    backend = OnnxRuntime(threads=1, spin=False, integers=False)
    kept = {"Conv_1": "its weight is a float", "Conv_2": "last"}

    coverage = read_coverage(FLOAT, network(INT8 % "w", **SHARED), kept, backend)

    assert coverage.int8 == 1
    assert [(n.name, n.reason) for n in coverage.float_nodes] == list(kept.items())
    assert coverage.operators["Conv"] == 3
