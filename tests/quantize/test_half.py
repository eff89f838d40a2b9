"""Float16 networks are checked by ONNX's own checker and run by the real runtime."""

from collections import Counter

import numpy as np
import onnx
import onnx_ir as ir
import pytest

from edgekit.backends.onnxruntime import OnnxRuntime
from edgekit.config.calibration import open_source
from edgekit.graphs import graph_from_proto, graph_to_bytes, graph_to_proto
from edgekit.images.letterbox import letterbox
from edgekit.images.read import read_image
from edgekit.pipeline.options import ModelOptions
from edgekit.pipeline.prepare import network_of, prepare
from edgekit.quantize.half import plain_image, to_half
from edgekit.quantize.half_plan import half_plan
from edgekit.quantize.half_rounding import rounded
from edgekit.quantize.half_rules import ORT_CUDA, TENSORRT_STRONG
from tests.networks import network, proto

FLOAT, HALF = ir.DataType.FLOAT, ir.DataType.FLOAT16
RNG = np.random.default_rng(5)
CONSTANTS = {
    "w": RNG.normal(0, 0.4, (4, 4, 1, 1)).astype(np.float32),
    "b": RNG.normal(0, 1, 4).astype(np.float32),
    "zero": np.float32(0),
    "endless": np.float32(3.4e38),
    "roi": np.zeros(0, np.float32),
    "twice": np.float32([1, 1, 2, 2]),
    "scale": np.float32(0.05),
    "odd": np.float32(0.0123),
    "point": np.int8(0),
    "pixel": np.float32(1) / np.float32(255),
    "black": np.uint8(0),
    "axes": np.int64([2, 3]),
}


def halved(body, kept=(), outputs="float[a,b,c,d] y", rules=ORT_CUDA, opset=17):
    """The network before and after, the latter accepted by ONNX's checker."""
    text = f"g (float[1,4,6,6] x) => ({outputs}) {{ {body} }}"
    graph = network(text, opset=opset, **CONSTANTS)
    return graph, checked(graph, half_plan(graph, rules, dict.fromkeys(kept, "kept")))


def checked(graph, plan):
    half = to_half(graph, plan)
    proto = graph_to_proto(half)
    onnx.checker.check_model(proto, full_check=True)
    onnx.shape_inference.infer_shapes(proto, check_type=True, strict_mode=True, data_prop=True)
    return half


def run(graph, feeds):
    with OnnxRuntime(threads=1).open(graph_to_bytes(graph)) as session:
        return session.run(feeds)


def casts(graph):
    return [node for node in graph.model.graph if node.op_type == "Cast"]


def types(graph):
    return {v.name: v.dtype for node in graph.model.graph for v in node.outputs}


def test_inputs_and_outputs_keep_names_and_types_and_what_lies_between_is_in_16_bits():
    before, after = halved("c = Conv(x, w, b) s = Sigmoid(c) y = Mul(c, s)")

    assert [(v.name, v.dtype) for v in after.model.graph.inputs] == [("x", FLOAT)]
    assert [(v.name, v.dtype) for v in after.model.graph.outputs] == [("y", FLOAT)]
    assert {types(after)[name] for name in ("c", "s", "y_half")} == {HALF}
    assert {v.dtype for v in after.model.graph.initializers.values()} == {HALF}
    assert len(casts(after)) == 2
    assert after.parent == before.sha256


@pytest.mark.parametrize("opset", [13, 17, 21])
def test_it_computes_what_the_float32_network_does(opset):
    body = """c = Conv(x, w, b) s = Sigmoid(c) m = Mul(c, s) k = Clip(m, zero, endless)
        u = Resize<mode="nearest">(k, roi, twice) d = MaxPool<kernel_shape=[2,2], strides=[2,2]>(u)
        j = Concat<axis=1>(d, k) e = Softmax<axis=1>(j) y = Mul(e, j)"""
    before, after = halved(body, opset=opset)
    x = RNG.normal(0, 1, (1, 4, 6, 6)).astype(np.float32)

    exact, found = run(before, {"x": x})["y"], run(after, {"x": x})["y"]

    assert Counter(n.op_type for n in after.model.graph)["Cast"] == 4
    np.testing.assert_allclose(found, exact, atol=3e-3 * np.abs(exact).max())
    assert np.abs(found - exact).max() > 0


def test_a_value_that_several_nodes_of_the_other_side_read_is_cast_once():
    _, after = halved("c = Conv(x, w) e = Exp(c) f = Softmax(c) y = Add(e, f)")

    made = [node.inputs[0].name for node in casts(after)]
    assert sorted(made) == ["c", "e", "f", "x", "y_half"]


def test_a_value_in_both_precisions_is_computed_once():
    _, after = halved("c = Conv(x, w) e = Exp(c) m = Mul(c, c) y = Add(e, m)", kept=["Add"])

    wide = next(n for n in after.model.graph if n.op_type == "Exp").inputs[0]
    narrow = next(n for n in after.model.graph if n.op_type == "Mul").inputs[0]
    assert (wide.dtype, narrow.dtype) == (FLOAT, HALF)
    assert wide.producer().inputs[0] is narrow


def test_an_output_that_is_read_inside_too_keeps_its_name_and_its_readers():
    outputs = "float[a,b,c,d] y, float[a,b,c,d] c"
    before, after = halved("c = Conv(x, w) y = Sigmoid(c)", outputs=outputs)
    x = RNG.normal(0, 1, (1, 4, 6, 6)).astype(np.float32)

    exact, found = run(before, {"x": x}), run(after, {"x": x})

    assert {name: a.dtype for name, a in found.items()} == {"y": np.float32, "c": np.float32}
    assert next(n for n in after.model.graph if n.op_type == "Sigmoid").inputs[0].dtype == HALF
    for name in ("y", "c"):
        np.testing.assert_allclose(found[name], exact[name], atol=5e-3)


def test_a_constant_of_both_sides_is_there_in_both_types():
    _, after = halved("c = Add(x, scale) e = Exp(c) y = Mul(e, scale)", kept=["Mul"])

    held = {name: v.dtype for name, v in after.model.graph.initializers.items()}
    assert held == {"scale": FLOAT, "scale_half": HALF}
    assert after.model.graph.initializers["scale_half"].const_value.numpy() == np.float16(0.05)


def test_a_limit_that_16_bits_do_not_reach_becomes_the_largest_number():
    _, after = halved("y = Clip(x, zero, endless)")

    assert after.model.graph.initializers["endless"].const_value.numpy() == 65504


def test_a_network_of_which_nothing_may_be_in_16_bits_stays_as_it_is():
    before, after = halved("y = Exp(x)")

    assert after.sha256 == before.sha256


def test_a_graph_inside_a_node_reads_float32():
    text = """g (float[1,4] x, bool when) => (float[1,4] y) {
        [Neg] s = Sigmoid(x)
        y = If(when) <
            then_branch = t () => (float[1,4] a) { [Neg] a = Neg(s) },
            else_branch = e () => (float[1,4] b) { b = Identity(s) }
        > }"""
    graph = graph_from_proto(proto(text))
    graph.model.graph[1].name = "If"

    after = checked(graph, half_plan(graph, ORT_CUDA, {}))

    x = np.float32([[-1, 0, 0.3, 2]])
    for when, sign in ((True, -1), (False, 1)):
        found = run(after, {"x": x, "when": np.array(when)})["y"]
        np.testing.assert_allclose(found, sign / (1 + np.exp(-x)), atol=1e-3)
    assert types(after)["s"] == HALF


def test_what_was_an_integer_is_cast_straight_to_16_bits():
    text = "g (int64[1,4] n) => (float[a,b] y) { f = Cast<to=1>(n) y = Sigmoid(f) }"
    graph = network(text)

    after = checked(graph, half_plan(graph, ORT_CUDA, {}))

    assert [n.outputs[0].dtype for n in casts(after)] == [HALF, FLOAT]


def test_scales_in_16_bits_leave_no_cast_in_a_quantized_network():
    body = """q = QuantizeLinear(x, scale, point) d = DequantizeLinear(q, scale, point)
        c = Conv(d, w) s = Sigmoid(c) y = Mul(c, s)"""

    _, after = halved(body, rules=TENSORRT_STRONG, opset=19)

    assert [n.inputs[0].name for n in casts(after)] == ["x", "y_half"]
    assert after.model.graph.initializers["scale"].dtype == HALF
    assert types(after)["q"] == ir.DataType.INT8


def image_network(scale="pixel"):
    text = f"""g (uint8[1,6,6,4] image) => (float[a,b,c,d] y)
        {{ t = Transpose<perm=[0,3,1,2]>(image) d = DequantizeLinear(t, {scale}, black)
        y = Conv(d, w) }}"""
    return network(text, **CONSTANTS)


def test_a_u8_image_is_cast_and_divided_and_every_pixel_rounded_once():
    before = image_network()
    every = np.resize(np.arange(256, dtype=np.uint8), (1, 6, 6, 4))

    plain = plain_image(before)
    half = checked(plain, half_plan(plain, ORT_CUDA, {}))

    assert Counter(n.op_type for n in half.model.graph) == Counter(
        ["Transpose", "Cast", "Div", "Conv", "Cast"]
    )
    assert next(n for n in half.model.graph if n.op_type == "Div").outputs[0].dtype == HALF
    np.testing.assert_allclose(
        run(plain, {"image": every})["y"], run(before, {"image": every})["y"], 1e-5, 1e-6
    )
    assert [v.name for v in plain.model.graph.inputs] == ["image"]
    assert not {"pixel", "black"} & set(plain.model.graph.initializers)


def test_a_scale_that_is_one_over_nothing_whole_multiplies():
    plain = plain_image(image_network("odd"))

    assert "Mul" in {n.op_type for n in plain.model.graph}


def test_what_a_quantization_made_is_no_image():
    graph = network(
        """g (float[1,4,6,6] x) => (float[a,b,c,d] y)
        { q = QuantizeLinear(x, pixel, black) y = DequantizeLinear(q, pixel, black) }""",
        **CONSTANTS,
    )

    assert plain_image(graph) is graph


@pytest.mark.data
def test_a_real_detector_in_16_bits_gives_what_it_gives_in_float32(data_dir):
    detector = prepare(data_dir / "models" / "yolox_nano_kazuhito.onnx", ModelOptions())
    before = network_of(detector)
    plain = plain_image(before.graph)

    after = checked(plain, half_plan(plain, ORT_CUDA, dict.fromkeys(before.decode, "decode")))

    record = open_source(str(data_dir / "coco-val-mini" / "images")).records[0]
    image = letterbox(read_image(record).pixels_rgb, before.preprocess).pixels[None]
    name = before.graph.model.graph.inputs[0].name
    exact = run(before.graph, {name: image})
    for other in (after, rounded(after)):
        for output, found in run(other, {name: image}).items():
            error = np.linalg.norm(found - exact[output]) / np.linalg.norm(exact[output])
            assert error < 0.04
    assert len(casts(after)) == 1 + len(after.model.graph.outputs)
    assert len(graph_to_bytes(after)) < 0.56 * len(graph_to_bytes(before.graph))


def test_names_that_are_taken_are_not_taken_again():
    _, after = halved("x_half = Conv(x, w) y_half = Sigmoid(x_half) y = Mul(y_half, x_half)")

    names = [v.name for n in after.model.graph for v in n.outputs]
    assert len(set(names)) == len(names)
    assert graph_from_proto(graph_to_proto(after)).sha256 == after.sha256
