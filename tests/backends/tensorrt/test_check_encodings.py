import numpy as np
import pytest

from edgekit.backends.tensorrt.check_encodings import check_encodings
from edgekit.graphs import graph_from_proto
from tests.networks import proto

CONSTANTS = {
    "s": np.float32(0.5),
    "z": np.int8(0),
    "w": np.ones((4, 4, 1, 1), np.int8),
    "f": np.ones((4, 4, 1, 1), np.float32),
    "ws": np.full(4, 0.1, np.float32),
    "wz": np.zeros(4, np.int8),
    "u": np.uint8(0),
    "u128": np.uint8(128),
    "five": np.int8(5),
    "b": np.ones(4, np.int32),
    "bz": np.zeros(4, np.int32),
    "none": np.float32(0),
    "short": np.int16(0),
    "m": np.ones((4, 6), np.int8),
    "ms": np.full(4, 0.1, np.float32),
    "ns": np.full(6, 0.1, np.float32),
    "mz": np.zeros(4, np.int8),
    "nz": np.zeros(6, np.int8),
}
READ = "q = QuantizeLinear(x, s, z) d = DequantizeLinear(q, s, z) "
WEIGHT = "k = DequantizeLinear<axis = 0>(w, ws, wz) "


def said(body, opset=17, inputs="float[1,4,4,4] x"):
    model = proto(f"g ({inputs}) => (float[N] y) {{ {body} }}", opset, **CONSTANTS)
    return [str(finding) for finding in check_encodings(list(graph_from_proto(model).model.graph))]


def only(body, **options):
    (found,) = said(body, **options)
    return found


def test_signed_integers_with_zero_at_zero_and_a_scale_per_channel_are_right():
    assert said(f"{READ}{WEIGHT} y = Conv(d, k)") == []


def test_a_weight_may_be_rounded_in_the_network():
    weight = "q4 = QuantizeLinear<axis = 0>(f, ws, wz) k = DequantizeLinear<axis = 0>(q4, ws, wz)"

    assert said(f"{READ} {weight} y = Conv(d, k)") == []


def test_a_zero_point_may_be_left_out_where_integers_are_signed_anyway():
    assert said("k = DequantizeLinear<axis = 0>(w, ws) y = Relu(k)") == []


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("q = QuantizeLinear(x, s) y = Cast<to = 1>(q)", "no zero point, which means unsigned"),
        ("q = QuantizeLinear(x, s, u) y = Cast<to = 1>(q)", "unsigned ones; TensorRT reads"),
        ("q = QuantizeLinear(x, s, u128) y = Cast<to = 1>(q)", "unsigned ones; TensorRT reads"),
        ("q = QuantizeLinear(x, s, five) y = Cast<to = 1>(q)", "found it at 5"),
        ("c = Neg(z) q = QuantizeLinear(x, s, c) y = Cast<to = 1>(q)", "one that is computed"),
        ("c = Neg(s) q = QuantizeLinear(x, c, z) y = Cast<to = 1>(q)", "one that is computed"),
        ("q = QuantizeLinear(x, none, z) y = Cast<to = 1>(q)", "found 0 among them"),
        ("q = QuantizeLinear<axis = 1>(x, ws, wz) y = Cast<to = 1>(q)", "found 4, one per channel"),
        ("y = DequantizeLinear<axis = 0>(b, ws, bz)", "found 32-bit ones, as biases have"),
    ],
)
def test_what_the_parser_rejects_or_misreads_is_an_error(body, words):
    found = only(body)

    assert found.startswith("error: ")
    assert words in found


def test_integers_of_16_bits_are_an_error():
    found = only("q = QuantizeLinear(x, s, short) y = Cast<to = 1>(q)", opset=21)

    assert "expected signed 8-bit integers, found int16" in found


def test_an_image_that_is_dequantized_is_an_error():
    found = only("y = DequantizeLinear(i, s, u)", inputs="uint8[1,4] i")

    assert "unsigned ones" in found


@pytest.mark.parametrize(
    ("layer", "weight", "axis", "right"),
    [
        ("Conv(d, k)", "w, ws, wz", 0, True),
        ("Conv(d, k)", "w, ws, wz", 1, False),
        ("ConvTranspose(d, k)", "w, ws, wz", 1, True),
        ("ConvTranspose(d, k)", "w, ws, wz", 0, False),
        ("Gemm<transB = 1>(d, k)", "m, ms, mz", 0, True),
        ("Gemm(d, k)", "m, ns, nz", 1, True),
        ("Gemm(d, k)", "m, ms, mz", 0, False),
        ("MatMul(d, k)", "m, ns, nz", 1, True),
        ("MatMul(d, k)", "m, ns, nz", -1, True),
    ],
)
def test_scales_run_along_the_output_channels(layer, weight, axis, right):
    found = said(f"{READ} k = DequantizeLinear<axis = {axis}>({weight}) y = {layer}")

    assert [f.startswith("error") and "the output channels of a" in f for f in found] == (
        [] if right else [True]
    )


def test_one_scale_for_a_weight_is_warned_of():
    found = only(f"{READ} k = DequantizeLinear(w, s, z) y = Conv(d, k)")

    assert found.startswith("warning: ")
    assert "found one for the whole weight" in found


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (f"{READ} y = Conv(d, f)", "found a float weight"),
        (f"{WEIGHT} y = Conv(x, k)", "found floats, so that it runs in float with a rounded"),
    ],
)
def test_a_layer_that_is_quantized_by_half_is_warned_of(body, words):
    found = only(body)

    assert found.startswith("warning: ")
    assert words in found
