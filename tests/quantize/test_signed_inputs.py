"""Networks for a runtime that reads signed integers at inputs alone (``TENSORRT``)."""

import numpy as np
import onnx_ir as ir
import pytest

from edgekit.quantize.plan import plan
from edgekit.quantize.quantize import quantize
from edgekit.quantize.rules import TENSORRT
from edgekit.values import Range
from tests.networks import network
from tests.quantize import eight_bits
from tests.quantize.eight_bits import normal

C = 16
WEIGHTS = {
    "w": normal(C, C, 1, 1, spread=0.3),
    "t": normal(C, C, 2, 2, spread=0.2),
    "v": normal(C, 2 * C, 1, 1, spread=0.2),
    "b": normal(C),
    "one": np.ones((1, C, 1, 1), np.float32),
    "parts": np.int64([8, 8]),
    "twice": np.float32([1, 1, 2, 2]),
}
IMAGE = normal(1, C, 6, 6)
SILU = "c = Conv(x, w, b) s = Sigmoid(c) m = Mul(c, s)"


def planned(body, kept=(), outputs="y"):
    graph = network(f"g (float[1,{C},6,6] x) => ({outputs}) {{ {body} }}", **WEIGHTS)
    return graph, plan(graph, TENSORRT, dict.fromkeys(kept, "kept"))


def quantized(body, limits=None, **options):
    graph, decided = planned(body, **options)
    ranges = {name: Range(-4.0, 4.0) for name in decided.leaders} | (limits or {})
    return graph, quantize(graph, decided, ranges, "full").graph


def pairs_before(graph, op_type, number=0):
    """The names of the inputs of a node, and whether each comes out of integers."""
    node = [n for n in graph.model.graph if n.op_type == op_type][number]
    made = (value.producer() for value in node.inputs if value is not None)
    return [p is not None and p.op_type == "DequantizeLinear" for p in made]


def test_a_layer_reads_integers_and_keeps_its_bias_and_its_activation():
    _, found = quantized(f"{SILU} y = Conv(m, w)")

    assert pairs_before(found, "Conv") == [True, True, False]
    assert pairs_before(found, "Sigmoid") == [False]
    assert pairs_before(found, "Mul") == [False, False]
    assert pairs_before(found, "Conv", 1) == [True, True]


def test_every_encoding_is_signed_with_zero_at_zero():
    _, found = quantized(f"{SILU} y = Conv(m, w)")

    values = {v.name: v.const_value for n in found.model.graph for v in n.inputs if v.const_value}
    zeros = [tensor.numpy() for name, tensor in values.items() if name.endswith("zero_point")]
    assert len(zeros) == 4
    assert all(zero.dtype == np.int8 and not zero.any() for zero in zeros)


def test_every_scale_is_the_same_number_in_16_bits():
    _, found = quantized(f"{SILU} y = Conv(m, w)", {"x": Range(-0.1, 0.7)})

    scales = [
        node.inputs[1].const_value.numpy()
        for node in found.model.graph
        if node.op_type in {"QuantizeLinear", "DequantizeLinear"}
    ]
    assert {scale.dtype for scale in scales} == {np.dtype(np.float32)}
    assert all(np.array_equal(scale, scale.astype(np.float16)) for scale in scales)


@pytest.mark.parametrize(
    ("body", "moving"),
    [
        ("p = MaxPool<kernel_shape = [2,2]>(x) y = Conv(p, w)", "MaxPool"),
        ('p = Resize<mode = "nearest">(x, , twice) y = Conv(p, w)', "Resize"),
    ],
)
def test_what_moves_values_to_a_layer_stands_between_pairs_of_one_scale(body, moving):
    _, found = quantized(body)

    assert pairs_before(found, moving)[0]
    assert pairs_before(found, "Conv")[0]
    quantizes = [n for n in found.model.graph if n.op_type == "QuantizeLinear"]
    assert len({float(n.inputs[1].const_value.numpy()) for n in quantizes}) == 1


def test_both_sides_of_a_residual_sum_are_integers():
    _, found = quantized(f"{SILU} a = Add(m, x) y = Conv(a, w)")

    assert pairs_before(found, "Add") == [True, True]


@pytest.mark.parametrize("sum_", ["Add(c, x)", "Add(x, c)"])
@pytest.mark.parametrize("rest", ["r = Relu(a) y = Conv(r, w)", "y = Conv(a, w)"])
def test_a_sum_behind_a_layer_stays_in_its_kernel(sum_, rest):
    _, found = quantized(f"c = Conv(x, w, b) a = {sum_} {rest}")

    assert sorted(pairs_before(found, "Add")) == [False, True]
    assert pairs_before(found, "Conv", 1)[0]
    if "Relu" in rest:
        assert pairs_before(found, "Relu") == [False]


def test_of_two_layers_that_are_summed_one_has_the_sum_in_its_kernel():
    _, found = quantized("c = Conv(x, w) d = Conv(x, w, b) a = Add(c, d) y = Conv(a, w)")

    assert pairs_before(found, "Add") == [False, True]


def test_a_sum_with_a_constant_is_part_of_a_layer():
    _, found = quantized("c = Conv(x, w) a = Add(c, one) y = Conv(a, w)")

    assert pairs_before(found, "Add") == [False, False]


def test_a_transposed_layer_has_a_scale_for_each_of_its_output_channels():
    _, found = quantized("y = ConvTranspose<strides = [2,2]>(x, t, b)")

    assert pairs_before(found, "ConvTranspose") == [True, True, False]
    weight = next(n for n in found.model.graph if n.op_type == "ConvTranspose").inputs[1]
    assert weight.producer().attributes["axis"].as_int() == 1


def test_a_layer_kept_in_float_reads_floats_as_they_are():
    _, found = quantized(f"{SILU} d = Conv(m, w) e = Conv(m, w) y = Add(d, e)", kept=["Conv_2"])

    assert pairs_before(found, "Conv", 1)[0]
    assert not pairs_before(found, "Conv", 2)[0]


def test_an_image_of_integers_is_rounded_to_signed_ones():
    text = f"g (uint8[1,{C},6,6] u) => (y) {{ x = DequantizeLinear(u, h, z) y = Conv(x, w, b) }}"
    graph = network(text, h=np.float32(1 / 255), z=np.uint8(0), **WEIGHTS)

    found = quantize(graph, plan(graph, TENSORRT, {}), {"x": Range(-1.0, 1.0)}, "full").graph

    made = [n for n in found.model.graph if n.op_type == "QuantizeLinear"]
    assert [n.inputs[2].dtype for n in made] == [ir.DataType.INT8]


def test_the_network_still_computes_what_it_did_but_for_rounding():
    graph, found = quantized(
        f"{SILU} p, q = Split<axis = 1>(m, parts) j = Concat<axis = 1>(q, p, m) "
        "d = Conv(j, v, b) a = Add(d, x) r = Relu(a) "
        "u = ConvTranspose<strides = [2,2]>(r, t, b) y = Sigmoid(u)"
    )

    exact = eight_bits.run(graph, {"x": IMAGE})["y"]
    rounded = eight_bits.run(found, {"x": IMAGE})["y"]
    assert 0 < np.abs(rounded - exact).max() < 0.1
