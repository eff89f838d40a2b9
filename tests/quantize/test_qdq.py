import numpy as np
import onnx
import pytest

from edgekit.backends.coverage import read_coverage
from edgekit.errors import StageError
from edgekit.graphs import graph_to_proto
from edgekit.quantize.encode import encode_weight
from edgekit.quantize.select import LAST
from tests.quantize.eight_bits import RUNTIME, emulate, make, normal, run, step_of

IMAGE = {"x": normal(1, 8, 12, 10)}
WEIGHTS = {
    "w": normal(8, 8, 3, 3, spread=0.2),
    "b": normal(8),
    "w2": normal(6, 8, 1, 1, spread=0.3),
    "w3": normal(8, 8, 1, 1, spread=0.3),
    "deep": normal(8, 1, 3, 3, spread=0.3),
    "pairs": normal(8, 2, 3, 3, spread=0.3),
    "narrow": normal(6, 4, 1, 1, spread=0.3),
    "wide": normal(6, 16, 1, 1, spread=0.3),
    "up": normal(8, 8, 2, 2, spread=0.3),
    "three": np.float32(3),
    "zero": np.float32(0),
    "six": np.float32(6),
    "half": np.float32(0.5),
    "each": normal(1, 8, 1, 1),
    "grouped": np.int64([1, 2, 4, 12, 10]),
    "flat": np.int64([1, 8, 12, 10]),
    "start": np.int64([1]),
    "end": np.int64([9]),
    "axis": np.int64([2]),
    "nought": np.uint8(0),
    "parts": np.int64([4, 4]),
    "twice": np.float32([1, 1, 2, 2]),
}
CONV = "c = Conv<pads = [1,1,1,1]>(x, w, b)"
FLOOR = 'coordinate_transformation_mode = "asymmetric", nearest_mode = "floor"'
MOVES = {"Transpose", "QuantizeLinear", "DequantizeLinear"}
INSIDE = {  # what stands between convolutions, and the operators of the runtime's own graph
    "SiLU": (f"{CONV} s = Sigmoid(c) m = Mul(c, s)", {"QLinearSigmoid", "QLinearMul"}),
    "Relu": (f"{CONV} m = Relu(c)", set()),
    "Relu6": (f"{CONV} m = Clip(c, zero, six)", set()),
    "LeakyRelu": (f"{CONV} m = LeakyRelu<alpha = 0.1>(c)", {"QLinearLeakyRelu"}),
    "HardSwish written out": (
        f"{CONV} a = Add(c, three) k = Clip(a, zero, six) p = Mul(c, k) m = Div(p, six)",
        {"QLinearAdd", "QLinearMul"},
    ),
    "Add": (f"{CONV} d = Conv(x, w3) m = Add(c, d)", {"QLinearAdd"}),
    "Add and Relu": (f"{CONV} d = Conv(x, w3) a = Add(c, d) m = Relu(a)", {"QLinearAdd"}),
    "a constant per channel": (f"{CONV} m = Mul(c, each)", {"QLinearMul"}),
    "a value twice": (f"{CONV} m = Mul(c, c)", {"QLinearMul"}),
    "MaxPool": (
        f"{CONV} m = MaxPool<kernel_shape = [3,3], pads = [1,1,1,1]>(c)",
        {"NhwcMaxPool"},
    ),
    "AveragePool": (f"{CONV} m = AveragePool<kernel_shape = [2,2]>(c)", {"QLinearAveragePool"}),
    "GlobalAveragePool": (f"{CONV} m = GlobalAveragePool(c)", {"QLinearGlobalAveragePool"}),
    "nearest Resize": (
        f'{CONV} m = Resize<mode = "nearest", {FLOOR}>(c, , twice)',
        {"Expand", "Reshape"},
    ),
    "Resize by another rounding": (
        f'{CONV} m = Resize<mode = "nearest", nearest_mode = "ceil">(c, , twice)',
        {"Resize"},
    ),
    "channels shuffled": (
        f"{CONV} g = Reshape(c, grouped) t = Transpose<perm = [0,2,1,3,4]>(g) m = Reshape(t, flat)",
        {"Reshape"},
    ),
    "a slice": (f"{CONV} m = Slice(c, start, end, axis)", {"Slice"}),
    "squeeze and excite": (
        f"{CONV} p = GlobalAveragePool(c) q = Conv(p, w3) s = Sigmoid(q) m = Mul(c, s)",
        {"QLinearGlobalAveragePool", "QLinearSigmoid", "QLinearMul"},
    ),
    "a factor": (f"{CONV} m = Mul(c, half)", set()),
    "a factor after a move": (
        f"{CONV} k = MaxPool<kernel_shape = [2,2]>(c) m = Div(k, six)",
        {"NhwcMaxPool"},
    ),
}
LAYERS = {
    "depthwise": "y = Conv<group = 8, pads = [1,1,1,1]>(x, deep)",
    "grouped": "y = Conv<group = 4, pads = [1,1,1,1]>(x, pairs, b)",
    "without bias": "y = Conv<strides = [2,2]>(x, w)",
    "dilated": "y = Conv<dilations = [2,2]>(x, w, b)",
}
PRODUCTS = {
    "Gemm": ("Gemm(x, v, g)", {"QGemm"}),
    "Gemm without bias": ("Gemm(x, v)", {"QGemm"}),
    "Gemm, weight transposed": ("Gemm<transB = 1>(x, t, g)", {"QGemm"}),
    "Gemm, input transposed": ("Gemm<transA = 1>(k, v, g)", {"QGemm"}),
    "Gemm, bias of a row": ("Gemm(x, v, row)", {"QGemm"}),
    "MatMul": ("MatMul(x, v)", {"QLinearMatMul"}),
}


def case_of(body, outputs="y", feeds=IMAGE, **options):
    header = "float[1,8,12,10] x" if feeds is IMAGE else "uint8[1,8,12,10] x"
    return make(f"g ({header}) => ({outputs}) {{ {body} }}", feeds, WEIGHTS, **options)


def operators_of(case):
    graphs = (case.graph, case.quantized.graph)
    return read_coverage(*graphs, case.quantized.plan.kept_float, RUNTIME)


def assert_computes_what_the_plan_says(case, name="y"):
    """Against the emulation: rounding of ties apart, which the next layers carry on."""
    found, wanted, step = case.integers()[name], emulate(case)[name], step_of(case, name)
    off = np.abs(found - wanted) / step
    assert found.shape == wanted.shape
    assert off.max() < 3.01
    assert np.mean(off > 0.01) < 0.1


def signal_to_noise_db(case, name="y"):
    exact, found = case.floats()[name], case.integers()[name]
    return 10 * np.log10(np.square(exact).sum() / np.square(exact - found).sum())


@pytest.mark.parametrize(("body", "operators"), INSIDE.values(), ids=INSIDE)
def test_what_stands_between_convolutions_runs_in_8_bits(body, operators):
    case = case_of(f"{body} y = Conv(m, w2)")

    coverage = operators_of(case)
    assert set(coverage.operators) - MOVES == operators | {"QLinearConv"}
    assert coverage.operators["QuantizeLinear"] == coverage.operators["DequantizeLinear"] == 1
    assert (coverage.float_nodes, coverage.mac_share_int8) == ((), 1.0)
    assert_computes_what_the_plan_says(case)
    assert signal_to_noise_db(case) > 28


@pytest.mark.parametrize("activation", ["Relu(k)", "Clip(k, zero, six)"])
@pytest.mark.parametrize(
    "between", ["k = MaxPool<kernel_shape = [2,2]>(c)", "k = Concat<axis = 2>(c, x)"]
)
def test_a_clipping_activation_elsewhere_is_nothing_but_another_encoding(between, activation):
    case = case_of(f"{CONV} {between} m = {activation} y = Conv(m, w2)")

    operators = operators_of(case).operators
    assert not {"Relu", "Clip"} & set(operators)
    assert operators["QuantizeLinear"] == operators["DequantizeLinear"] == 2
    assert_computes_what_the_plan_says(case)


@pytest.mark.parametrize("body", LAYERS.values(), ids=LAYERS)
def test_every_kind_of_convolution_runs_in_8_bits(body):
    case = case_of(body)

    assert set(operators_of(case).operators) - MOVES == {"QLinearConv"}
    assert_computes_what_the_plan_says(case)
    assert signal_to_noise_db(case) > 33


@pytest.mark.parametrize(("body", "operators"), PRODUCTS.values(), ids=PRODUCTS)
def test_matrix_products_run_in_8_bits(body, operators):
    matrix = normal(12, 5)
    weights = {"v": matrix, "t": matrix.T.copy(), "g": normal(5), "row": normal(1, 5)}
    text = f"g (float[4,12] x, float[12,4] k) => (y, z) {{ y = {body} z = Exp(k) }}"

    case = make(text, {"x": normal(4, 12), "k": normal(12, 4)}, weights)

    assert set(operators_of(case).operators) - MOVES == operators | {"Exp"}
    assert_computes_what_the_plan_says(case)
    assert signal_to_noise_db(case) > 33


def test_parts_are_split_and_joined_in_8_bits():
    case = case_of(
        f"{CONV} l, r = Split<axis = 1>(c, parts) d = Conv(x, w3)"
        " j = Concat<axis = 1>(l, d, r) y = Conv(j, wide)"
    )

    coverage = operators_of(case)
    assert set(coverage.operators) - MOVES == {"QLinearConv", "QLinearConcat", "Split"}
    assert coverage.operators["QuantizeLinear"] == coverage.operators["DequantizeLinear"] == 1
    assert_computes_what_the_plan_says(case)


@pytest.mark.parametrize("rule", ["full", "paired", "narrow"])
def test_two_layers_may_share_a_weight_and_a_bias(rule):
    case = case_of("c = Conv<pads = [1,1,1,1]>(x, w, b) y = Conv(c, w, b)", rule=rule)

    assert operators_of(case).int8 == 2
    assert_computes_what_the_plan_says(case)


def test_an_image_in_integers_is_taken_in_without_conversion():
    feeds = {"x": np.random.default_rng(0).integers(0, 200, (1, 8, 12, 10), dtype=np.uint8)}
    case = case_of(
        "f = DequantizeLinear(x, half, nought) k = MaxPool<kernel_shape = [2,2]>(f)"
        "m = Div(k, six) y = Conv(m, w, b)",
        feeds=feeds,
    )

    operators = operators_of(case).operators
    assert set(operators) - MOVES == {"MaxPool", "QLinearConv"}
    assert "QuantizeLinear" not in operators
    assert signal_to_noise_db(case) > 38


def test_a_first_layer_left_in_float_keeps_its_weights_too():
    feeds = {"x": np.random.default_rng(0).integers(0, 200, (1, 8, 12, 10), dtype=np.uint8)}
    body = "f = DequantizeLinear(x, half, nought) c = Conv(f, w, b) y = Conv(c, w2)"

    case = case_of(body, feeds=feeds, kept=["Conv"])

    assert [node.name for node in operators_of(case).float_nodes] == ["Conv"]
    assert_computes_what_the_plan_says(case)


def test_an_output_in_8_bits_keeps_its_name_type_and_shape():
    case = case_of(f"{CONV} y = Relu(c) z = Conv(c, w2)", outputs="y, c, z")

    before, after = graph_to_proto(case.graph), graph_to_proto(case.quantized.graph)
    assert list(after.graph.output) == list(before.graph.output)
    onnx.checker.check_model(after, full_check=True)
    for name in ("y", "c", "z"):
        assert_computes_what_the_plan_says(case, name)


def test_a_value_is_read_by_8_bits_and_by_float():
    case = case_of(f"e = Exp(x) {CONV} d = Conv(e, w3) f = Exp(e) y = Add(c, d)", outputs="y, f")

    assert_computes_what_the_plan_says(case)
    np.testing.assert_array_equal(case.integers()["f"], case.floats()["f"])


def test_what_8_bits_give_float_nodes_is_rounded_once():
    case = case_of(f"{CONV} y = Exp(c)")

    np.testing.assert_allclose(case.integers()["y"], emulate(case)["y"], rtol=step_of(case, "c"))


def test_a_transposed_convolution_runs_in_float_between_layers_in_8_bits():
    case = case_of(f"{CONV} u = ConvTranspose<strides = [2,2]>(c, up) y = Conv(u, w2)")

    coverage = operators_of(case)
    assert coverage.operators["ConvTranspose"] == 1
    assert [node.name for node in coverage.float_nodes] == ["ConvTranspose"]
    assert_computes_what_the_plan_says(case)


@pytest.mark.parametrize(
    "layer",
    [
        "d = Conv(c, w3, b)",
        "e = Conv(c, w3, b) d = Relu(e)",
        "d = Conv<group = 4>(c, pairs)",
    ],
)
def test_a_layer_left_in_float_keeps_its_weights_whatever_the_runtime_does(layer):
    case = case_of(f"{CONV} {layer} y = Conv(d, w2)", kept=["Conv_1"])

    coverage = operators_of(case)
    assert [node.name for node in coverage.float_nodes] == ["Conv_1"]
    assert coverage.int8 == 2
    assert_computes_what_the_plan_says(case)


@pytest.mark.parametrize("last", ["Conv(c, w2)", "Conv(c, w3, b)"])
def test_a_last_layer_of_1x1_multiplies_integers_and_gives_floats(last):
    case = case_of(f"{CONV} y = {last}", kept=["Conv_1"], reason=LAST)

    coverage = operators_of(case)
    assert set(coverage.operators) - MOVES == {"QLinearConv", "QGemm", "Reshape"}
    assert "DequantizeLinear" not in coverage.operators
    assert (coverage.float_nodes, coverage.mac_share_int8) == ((), 1.0)
    kernel, *bias = (WEIGHTS[name] for name in last[8:-1].split(", "))
    rounded = encode_weight(kernel, 0, "narrow").reals()[:, :, 0, 0]
    wanted = np.einsum("kc,nchw->nkhw", rounded, emulate(case)["c"])
    wanted += np.reshape(sum(bias), (-1, 1, 1))
    np.testing.assert_allclose(case.integers()["y"], wanted, atol=step_of(case, "c"))


@pytest.mark.parametrize("last", ["y = Conv<pads = [1,1,1,1]>(c, w)", "e = Exp(c) y = Conv(e, w2)"])
def test_a_last_layer_of_another_kind_or_of_floats_stays_in_float(last):
    case = case_of(f"{CONV} {last}", kept=["Conv_1"], reason=LAST)

    assert operators_of(case).operators["Conv"] == 1
    np.testing.assert_allclose(case.integers()["y"], emulate(case)["y"], atol=step_of(case, "c"))


@pytest.mark.parametrize("image", [IMAGE["x"], 0 * IMAGE["x"]], ids=["image", "black"])
def test_channels_without_weight_or_signal_keep_their_bias(image):
    dead = WEIGHTS["w"] * np.float32([0, 1e-9, 0, 1, 1, 1, 1, 1])[:, None, None, None]
    weights = {"w": dead, "b": 100 * np.abs(WEIGHTS["b"])}

    case = make("g (float[1,8,12,10] x) => (y) { y = Conv(x, w, b) }", {"x": image}, weights)

    wanted, found = case.floats()["y"], case.integers()["y"]
    assert np.abs(found - wanted).max() <= step_of(case, "y")


@pytest.mark.parametrize(
    "body",
    [
        "m = Mul(c, c_scale) y = Conv(m, w2)",
        "c_quantized = Conv(c, w3) Conv_weight = Conv(c_quantized, w3) y = Conv(Conv_weight, w2)",
        "Mul_each = Conv(c, w3) m = Mul(c, each) j = Add(Mul_each, m) y = Conv(j, w2)",
        "c_zero_point = Relu(c) y = Conv(c_zero_point, w2)",
    ],
)
def test_names_of_the_users_own_are_never_taken_for_those_of_encodings(body):
    weights = {"c_scale": np.float32([[[[9.0]]]]) + WEIGHTS["each"]}
    text = f"g (float[1,8,12,10] x) => (y) {{ {CONV} {body} }}"

    case = make(text, IMAGE, {n: a for n, a in (WEIGHTS | weights).items() if n in text})

    assert_computes_what_the_plan_says(case)
    assert operators_of(case).mac_share_int8 == 1.0


def test_nothing_is_left_of_the_float_weights():
    case = case_of(f"{CONV} y = Conv(c, w2)")

    sizes = {
        np.dtype(v.const_value.dtype.numpy()): v.const_value.size
        for v in case.quantized.graph.model.graph.initializers.values()
        if v.const_value.size > 16
    }
    assert set(sizes) == {np.dtype(np.int8)}


def test_the_graph_handed_in_is_left_alone():
    case = case_of(f"{CONV} y = Relu(c)", outputs="y, c")

    assert [n.op_type for n in case.graph.model.graph] == ["Conv", "Relu"]
    assert case.quantized.graph.parent == case.graph.sha256
    assert run(case.graph, IMAGE).keys() == {"y", "c"}


def test_a_network_with_nothing_to_quantize_cannot_be_calibrated():
    with pytest.raises(StageError, match="No value of the network"):
        case_of("y = Exp(x)")
