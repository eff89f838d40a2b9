from dataclasses import replace

import numpy as np
import pytest

from edgekit.quantize.half_plan import (
    ACCUMULATES,
    BETWEEN,
    DECODE,
    NO_KERNEL,
    QUANTIZED,
    decode_in_float,
    half_plan,
    is_bound,
)
from edgekit.quantize.half_rules import ORT_CUDA, TENSORRT_STRONG
from edgekit.values import Statistics, TensorStatistics
from tests.networks import network

CONSTANTS = {
    "w": np.ones((4, 4, 1, 1), np.float32),
    "zero": np.float32(0),
    "endless": np.float32(3.4e38),
    "large": np.float32(1e5),
    "tiny": np.float32(1e-9),
    "mixed": np.float32([1.0, 1e-9, 0.5, 0.0]).reshape(1, 4, 1, 1),
    "scale": np.float32(0.05),
    "point": np.int8(0),
    "axes": np.int64([2, 3]),
    "points": np.zeros((1, 6, 6, 2), np.float32),
    "sizes": np.int64([2, 1, 1]),
}


def planned(body, kept=(), *, rules=ORT_CUDA, statistics=None, opset=17):
    text = f"g (float[1,4,6,6] x) => (y) {{ {body} }}"
    graph = network(text, opset=opset, **CONSTANTS)
    return half_plan(graph, rules, dict.fromkeys(kept, "kept"), statistics)


def seen(**largest):
    """Statistics of values that reach from minus to plus some number."""
    none = TensorStatistics(0, 0, 0, 0, 1, np.zeros(2, np.int64), np.zeros(0, np.float32))
    ranges = {name: replace(none, low=-number, high=number) for name, number in largest.items()}
    return Statistics(ranges, 1, "")


def test_layers_and_what_lies_between_them_run_in_16_bits():
    found = planned(
        "c = Conv(x, w) s = Sigmoid(c) m = Mul(c, s) y = MaxPool<kernel_shape=[2,2]>(m)"
    )

    assert found.nodes == {"Conv", "Sigmoid", "Mul", "MaxPool"}
    assert found.kept_float == {}


def test_the_decode_part_stays_in_float32_for_the_reason_given():
    found = planned("c = Conv(x, w) y = Sigmoid(c)", kept=["Sigmoid"])

    assert found.nodes == {"Conv"}
    assert found.kept_float == {"Sigmoid": "kept"}


def test_what_only_moves_values_in_the_decode_goes_where_casts_are_few():
    body = "a = Conv(x, w) b = Conv(x, w) j = Concat<axis=1>(a, b) r = Transpose(j) y = Sigmoid(r)"
    graph = network(f"g (float[1,4,6,6] x) => (y) {{ {body} }}", **CONSTANTS)
    decode = ("Concat", "Transpose", "Sigmoid")

    kept = decode_in_float(graph, decode, ORT_CUDA)

    assert kept == {"Sigmoid": DECODE}
    assert half_plan(graph, ORT_CUDA, kept).nodes == {"Conv", "Conv_1", "Concat", "Transpose"}


@pytest.mark.parametrize(
    ("body", "node", "reason"),
    [
        ("y = Softmax(x)", "Softmax", ACCUMULATES),
        ("y = ReduceSum(x, axes)", "ReduceSum", ACCUMULATES),
        ("y = Exp(x)", "Exp", ACCUMULATES),
        ("y = GridSample(x, points)", "GridSample", NO_KERNEL),
        ("y = Mul(x, large)", "Mul", "its constant large reaches 1e+05"),
        ("y = Add(x, tiny)", "Add", "its constant tiny is too small"),
        ("y = Div(x, mixed)", "Div", "its constant mixed is too small"),
    ],
)
def test_what_16_bits_would_spoil_stays_in_float32(body, node, reason):
    found = planned(body)

    assert found.nodes == set()
    assert reason in found.kept_float[node]


def test_a_small_number_among_large_ones_matters_to_a_divisor_only():
    assert planned("y = Mul(x, mixed)").nodes == {"Mul"}
    assert planned("y = Div(x, mixed)").nodes == set()


def test_a_limit_beyond_16_bits_limits_nothing_and_keeps_nothing_in_float32():
    found = planned("y = Clip(x, zero, endless)")

    assert found.nodes == {"Clip"}


def test_only_limits_are_limits():
    graph = network(
        "g (float[1,4,6,6] x) => (y) { c = Clip(x, zero, endless) y = Mul(c, large) }", **CONSTANTS
    )
    clip, mul = graph.model.graph

    assert [is_bound(clip, i) for i in range(3)] == [False, True, True]
    assert not is_bound(mul, 1)


def test_nodes_beside_a_value_that_overflows_stay_in_float32_with_what_was_seen():
    body = "c = Conv(x, w) s = Sigmoid(c) m = Mul(c, s) y = Conv(m, w)"

    found = planned(body, statistics=seen(c=40_000.0, s=1.0, m=10.0))

    assert found.nodes == {"Conv_1"}
    assert set(found.kept_float) == {"Conv", "Sigmoid", "Mul"}
    assert "c reaches 4e+04 in calibration" in found.kept_float["Conv"]


def test_a_value_that_leaves_room_below_65504_is_no_reason():
    assert planned("c = Conv(x, w) y = Relu(c)", statistics=seen(c=30_000.0)).kept_float == {}


def test_a_value_that_never_reaches_the_normal_numbers_stays_in_float32():
    found = planned("c = Conv(x, w) r = Relu(c) y = Conv(r, w)", statistics=seen(r=1e-6))

    assert found.nodes == {"Conv"}
    assert "r stays below 1.0e-06" in found.kept_float["Relu"]


def test_values_are_moved_on_the_side_that_takes_fewer_casts():
    body = "c = Conv(x, w) a, b, d = Split<axis=1>(c, sizes) e = Exp(a) f = Exp(b) h = Exp(d)"

    found = planned(f"{body} y = Concat<axis=1>(e, f, h)")

    assert found.nodes == {"Conv"}
    assert found.kept_float["Split"] == BETWEEN
    assert found.kept_float["Concat"] == BETWEEN


def test_what_reads_integers_on_scales_in_float32_stays_as_it_is():
    body = """q = QuantizeLinear(x, scale, point) d = DequantizeLinear(q, scale, point)
        c = Conv(d, w) s = Sigmoid(c) m = Mul(c, s)
        p = QuantizeLinear(m, scale, point) y = DequantizeLinear(p, scale, point)"""

    found = planned(body)

    assert found.nodes == set()
    layers = {name: found.kept_float[name] for name in ("Conv", "Sigmoid", "Mul")}
    assert layers == dict.fromkeys(layers, QUANTIZED)


def test_scales_in_16_bits_let_the_layers_between_run_in_them_from_opset_19_on():
    body = """q = QuantizeLinear(x, scale, point) d = DequantizeLinear(q, scale, point)
        c = Conv(d, w) y = Sigmoid(c)"""

    new = planned(body, rules=TENSORRT_STRONG, opset=19)
    old = planned(body, rules=TENSORRT_STRONG, opset=18)

    assert new.nodes == {"QuantizeLinear", "DequantizeLinear", "Conv", "Sigmoid"}
    assert old.nodes == set()
    assert "opset 18 defines DequantizeLinear" in old.kept_float["DequantizeLinear"]


def test_a_shape_is_read_off_a_value_of_either_type():
    found = planned("c = Conv(x, w) n = Shape(c) y = Reshape(c, n)")

    assert {"Conv", "Reshape"} <= found.nodes
