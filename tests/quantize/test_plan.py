import numpy as np
import pytest

from edgekit.quantize.plan import NO_KERNEL, Link, output_axis, plan
from edgekit.quantize.rules import ORT_X86
from tests.networks import network

WEIGHT = np.ones((4, 4, 1, 1), np.float32)
MATRIX = np.ones((4, 4), np.float32)
CONSTANTS = {
    "half": np.float32(0.5),
    "minus": np.float32(-2),
    "four": np.float32([4]),
    "vector": np.ones((1, 4, 1, 1), np.float32),
    "zero": np.float32(0),
    "six": np.float32(6),
    "twice": np.float32([1, 1, 2, 2]),
    "flat": np.int64([1, -1]),
    "bias": np.zeros(4, np.float32),
    "biases": np.zeros((1, 4), np.float32),
    "grid": np.zeros((4, 4), np.float32),
    "stack": np.ones((1, 4, 4), np.float32),
    "row": np.ones(4, np.float32),
}


def planned(body, kept=(), outputs="y", inputs="float[1,4,6,6] x"):
    graph = network(f"g ({inputs}) => ({outputs}) {{ {body} }}", w=WEIGHT, v=MATRIX, **CONSTANTS)
    return plan(graph, ORT_X86, dict.fromkeys(kept, "kept"))


def own(*names):
    return {name: Link(name) for name in names}


def test_a_convolution_and_its_silu_run_in_8_bits():
    found = planned("c = Conv(x, w) s = Sigmoid(c) y = Mul(c, s)")

    assert found.nodes == {"Conv", "Sigmoid", "Mul"}
    assert found.links == own("x", "c", "s", "y")
    assert found.leaders == ("x", "c", "s", "y")


@pytest.mark.parametrize("activation", ["Relu(c)", "Clip(c, zero, six)"])
def test_an_activation_that_clips_hides_what_it_reads(activation):
    found = planned(f"c = Conv(x, w) y = {activation}")

    assert found.nodes == {"Conv", activation[:4]}
    assert found.links == own("x", "y")


def test_a_sum_before_an_activation_is_hidden_too():
    assert set(planned("c = Conv(x, w) a = Add(c, x) y = Relu(a)").links) == {"x", "c", "y"}


@pytest.mark.parametrize(
    ("body", "outputs"),
    [
        ("c = Conv(x, w) r = Relu(c) y = Add(r, c)", "y"),
        ("c = Conv(x, w) y = Relu(c)", "y, c"),
    ],
)
def test_a_value_that_others_read_too_is_not_hidden(body, outputs):
    assert "c" in planned(body, outputs=outputs).links


def test_an_activation_left_in_float_hides_nothing():
    assert set(planned("c = Conv(x, w) y = Relu(c)", kept=["Relu"]).links) == {"x", "c"}


@pytest.mark.parametrize(
    "move",
    [
        "MaxPool<kernel_shape = [2,2]>(c)",
        'Resize<mode = "nearest">(c, , twice)',
        "Resize(c, , twice)",
        "Reshape(c, flat)",
        "Transpose(c)",
    ],
)
def test_what_only_moves_values_keeps_their_encoding(move):
    found = planned(f"c = Conv(x, w) y = {move}")

    assert found.links["y"] == Link("c")
    assert found.leaders == ("x", "c")


def test_every_part_of_a_split_keeps_the_encoding():
    found = planned("c = Conv(x, w) y, z = Split<axis = 1>(c)", outputs="y, z")

    assert found.links["y"] == found.links["z"] == Link("c")


def test_an_interpolating_resize_stays_in_float():
    found = planned('c = Conv(x, w) r = Resize<mode = "linear">(c, , twice) y = Conv(r, w)')

    assert found.nodes == {"Conv", "Conv_1"}
    assert found.links == own("x", "c", "r", "y")


@pytest.mark.parametrize(
    ("operation", "factor"), [("Mul(m, half)", 0.5), ("Div(m, four)", 0.25), ("Mul(m, four)", 4.0)]
)
def test_a_positive_factor_only_rescales(operation, factor):
    found = planned(f"c = Conv(x, w) m = MaxPool<kernel_shape = [2,2]>(c) y = {operation}")

    assert found.links["y"] == Link("c", factor)


def test_factors_multiply():
    found = planned("c = Conv(x, w) m = Mul(c, half) y = Div(m, four)")

    assert found.links["y"] == Link("c", 0.125)


@pytest.mark.parametrize("operation", ["Mul(c, minus)", "Mul(c, vector)", "Mul(half, c)"])
def test_any_other_constant_is_computed_with(operation):
    found = planned(f"c = Conv(x, w) y = {operation}")

    assert found.nodes == {"Conv", "Mul"}
    assert found.links == own("x", "c", "y")


@pytest.mark.parametrize("operation", ["Div(half, c)", "Div(c, vector)", "Softmax(c)", "Exp(c)"])
def test_what_the_runtime_cannot_do_in_8_bits_stays_in_float(operation):
    found = planned(f"c = Conv(x, w) y = {operation}")

    assert found.nodes == {"Conv"}
    assert found.links == own("x", "c")


def test_a_value_made_in_float_is_encoded_where_8_bits_read_it():
    found = planned("e = Exp(x) f = Conv(x, w) g = Conv(f, w) a = Add(e, g) y = Exp(a)", ["Conv"])

    assert found.nodes == {"Conv_1", "Add"}
    assert found.links == own("f", "g", "e", "a")


def test_nothing_is_quantized_far_from_a_quantized_layer():
    found = planned("s = Sigmoid(x) m = Mul(s, x) c = Conv(m, w) e = Exp(c) y = Relu(e)")

    assert found.nodes == {"Conv"}
    assert found.links == own("m", "c")


def test_a_network_without_layers_stays_as_it_is():
    found = planned("s = Sigmoid(x) y = Mul(s, x)")

    assert (found.nodes, found.links, found.leaders) == (frozenset(), {}, ())


def test_what_comes_out_of_integers_needs_no_encoding_but_gives_its_own():
    found = planned(
        "f = DequantizeLinear(x, half) m = MaxPool<kernel_shape = [2,2]>(f) y = Conv(m, w)",
        inputs="uint8[1,4,6,6] x",
    )

    assert found.links == {"m": Link("f"), **own("y")}


@pytest.mark.parametrize(
    "layer",
    [
        "Gemm(x, v)",
        "Gemm(x, v, bias)",
        "Gemm(x, v, biases)",
        "Gemm<transB = 1>(x, v, row)",
        "MatMul(x, v)",
    ],
)
def test_matrix_products_run_in_8_bits(layer):
    found = planned(f"y = {layer}", inputs="float[4,4] x")

    assert len(found.nodes) == 1
    assert found.links == own("x", "y")


@pytest.mark.parametrize("layer", ["MatMul(x, stack)", "MatMul(x, row)", "Gemm(x, v, grid)"])
def test_other_products_stay_in_float_and_say_why(layer):
    found = planned(f"y = {layer}", inputs="float[4,4] x")

    assert found.nodes == frozenset()
    assert found.kept_float == {layer.split("(")[0]: NO_KERNEL}


@pytest.mark.parametrize("layer", ["Gemm(x, v, z)", "Gemm(x, z)", "MatMul(x, z)"])
def test_a_weight_or_bias_that_is_computed_stays_in_float(layer):
    assert planned(f"y = {layer}", inputs="float[4,4] x, float[4,4] z").nodes == frozenset()


def test_a_transposed_convolution_stays_in_float_and_says_why():
    found = planned("c = Conv(x, w) t = ConvTranspose(c, w) y = Conv(t, w)")

    assert found.nodes == {"Conv", "Conv_1"}
    assert found.kept_float == {"ConvTranspose": NO_KERNEL}


def test_a_reason_given_stands_over_one_found():
    found = planned("y = ConvTranspose(x, w)", kept=["ConvTranspose"])

    assert found.kept_float == {"ConvTranspose": "kept"}


@pytest.mark.parametrize(
    ("layer", "axis"), [("Gemm(x, v)", 1), ("Gemm<transB = 1>(x, v)", 0), ("MatMul(x, v)", 1)]
)
def test_output_channels_lie_where_the_layer_has_them(layer, axis):
    graph = network(f"g (float[4,4] x) => (y) {{ y = {layer} }}", v=MATRIX)

    assert output_axis(graph.model.graph[0]) == axis
