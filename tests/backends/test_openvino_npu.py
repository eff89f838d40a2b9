import importlib.util

import onnx
import onnx_ir as ir
import pytest

from edgekit.backends.apart import ask_apart
from edgekit.backends.onnxruntime import OnnxRuntime
from edgekit.backends.openvino_npu import (
    _OF_SHAPES,
    _OPERATORS,
    _SIZED_BY,
    _TYPES,
    npu_refusals,
)
from edgekit.graphs import graph_from_model
from edgekit.load.onnx_file import load_onnx
from tests.networks import network, proto

PLAIN = "net (float[1,3,8,8] x) => (float[1,3,8,8] y) { a = Relu(x) y = Sigmoid(a) }"
COUNTED = """net (float[1,6] x) => (float[] y)
    { i = NonZero(x) n = Cast<to=1>(i) y = ReduceMax<keepdims=0>(n) }"""
# A network of one node for each operator that is refused, in ONNX text.
REFUSED = {
    "Col2Im": """net (float[1,5,5] x) => (float[1,1,5,5] y)
        { i = Constant<value=int64[2] {5, 5}>() b = Constant<value=int64[2] {1, 5}>()
          y = Col2Im(x, i, b) }""",
    "IsInf": "net (float[2,3] x) => (bool[2,3] y) { y = IsInf(x) }",
    "IsNaN": "net (float[2,3] x) => (bool[2,3] y) { y = IsNaN(x) }",
    "Multinomial": "net (float[2,3] x) => (int32[2,4] y) { y = Multinomial<sample_size=4>(x) }",
    "Unique": "net (float[6] x) => (float[N] y) { y = Unique(x) }",
}
TELL = """
import json, sys, openvino
model = openvino.Core().read_model(sys.modules["pathlib"].Path({path!r}))
print(json.dumps({{"operations": [op.get_type_name() for op in model.get_ordered_ops()]}}))
"""


def refusals(text, opset=18):
    return npu_refusals(network_of(text, opset))


def network_of(text, opset=18):
    inferred = onnx.shape_inference.infer_shapes(proto(text, opset))
    model = ir.serde.deserialize_model(inferred)
    for i, node in enumerate(model.graph.all_nodes()):
        node.name = node.name or f"{node.op_type}_{i}"
    return graph_from_model(model)


def test_a_plain_network_is_not_refused():
    assert npu_refusals(network(PLAIN)) == ()


def test_a_value_without_a_shape_is_not_held_against_it():
    graph = network_of(PLAIN)
    graph.model.graph[0].outputs[0].shape = None

    assert npu_refusals(graph) == ()


def test_an_input_without_fixed_sizes_is_named_with_its_shape_and_once():
    (refusal,) = refusals(PLAIN.replace("float[1,3,8,8]", "float[1,3,h,8]"))

    assert refusal.startswith("Input 'x' has the shape [1,3,h,8]: an NPU takes fixed sizes only")
    assert "--input-size" in refusal


def test_a_size_that_depends_on_data_is_named_where_it_begins():
    (refusal,) = refusals(COUNTED)

    assert refusal.startswith("Node 'NonZero_0' (NonZero): the size of its output 'i' depends on")
    assert "fixed sizes only" in refusal


def test_a_size_that_depends_on_data_is_refused_without_a_shape_too():
    graph = network_of(COUNTED)
    graph.model.graph[0].outputs[0].shape = None

    assert "(NonZero)" in npu_refusals(graph)[0]


@pytest.mark.parametrize(
    "size",
    [
        "s = Constant<value=int64[1] {48}>() y = Reshape(x, s)",
        "a = Shape(x) s = ReduceProd(a) y = Reshape(x, s)",
        "y = Reshape(x, w)",
        "i = NonZero(w) s = Shape<start=1>(i) h = Add(s, w) y = Reshape(x, h)",
    ],
)
def test_a_size_that_follows_from_constants_and_sizes_is_not_refused(size):
    text = f"net (float[1,3,4,4] x) => (float[n] y) <int64[1] w = {{47}}> {{ {size} }}"

    assert refusals(text) == ()


def test_a_size_that_the_values_of_the_input_decide_is_refused():
    text = """net (float[1,9] x) => (float[n] y)
        { m = ReduceMax<keepdims=0>(x) z = Constant<value=int64[1] {-1}>() r = Reshape(m, z)
          s = Cast<to=7>(r) y = Expand(m, s) }"""

    (refusal,) = refusals(text)

    assert "(Expand): the size of its output 'y' depends on the image" in refusal


@pytest.mark.data
@pytest.mark.parametrize(
    "name", ["yolov8n", "yolov5n", "yolox_nano_kazuhito", "picodet_s_320_coco"]
)
def test_detectors_that_intel_runs_are_not_refused(data_dir, name):
    source = load_onnx(data_dir / "models" / f"{name}.onnx", OnnxRuntime(threads=1))

    assert npu_refusals(source.graph) == ()


def test_selected_boxes_are_left_to_edgekit():
    (refusal,) = refusals(
        """net (float[1,9,4] b, float[1,2,9] s) => (int64[N,3] y)
        { k = Constant<value=int64[1] {5}>() y = NonMaxSuppression(b, s, k) }"""
    )

    assert "(NonMaxSuppression)" in refusal
    assert "edgekit selects boxes itself" in refusal


@pytest.mark.parametrize("operator", sorted(_OPERATORS))
def test_an_operator_that_the_compiler_lacks_is_named(operator):
    (refusal,) = refusals(REFUSED[operator])

    assert f"({operator}): the NPU's compiler has no such operator" in refusal


@pytest.mark.parametrize("operator", sorted(_OPERATORS))
@pytest.mark.openvino
def test_openvino_leaves_a_refused_operator_as_it_is(tmp_path, operator):
    if importlib.util.find_spec("openvino") is None:
        pytest.skip("openvino is not installed")
    onnx.save(proto(REFUSED[operator], 18), tmp_path / "model.onnx")

    told = ask_apart(TELL.format(path=str(tmp_path / "model.onnx")), "OpenVINO", 60)

    assert operator in told["operations"]


def test_an_operator_of_another_domain_is_not_taken_for_onnx_own():
    graph = network_of(PLAIN)
    node = next(iter(graph.model.graph))
    node.domain, node.op_type = "my.domain", "IsNaN"

    assert npu_refusals(graph) == ()


def test_operators_and_types_are_spelled_as_onnx_does():
    known = {schema.name for schema in onnx.defs.get_all_schemas()}

    assert {kind.name for kind in ir.DataType} >= _TYPES
    assert known >= _OPERATORS | _OF_SHAPES | _SIZED_BY.keys()


@pytest.mark.parametrize(
    ("onnx_type", "told"), [("string", "type string"), ("complex64", "type complex64")]
)
def test_a_type_the_npu_does_not_know_is_named(onnx_type, told):
    (refusal, *_) = refusals(f"net ({onnx_type}[2] x) => ({onnx_type}[2] y) {{ y = Identity(x) }}")

    assert refusal.startswith("Input 'x' is of")
    assert told in refusal


@pytest.mark.parametrize("onnx_type", ["float", "float16", "bfloat16", "double", "uint8", "int64"])
def test_types_the_npu_lists_are_not_refused(onnx_type):
    text = f"net ({onnx_type}[2] x) => ({onnx_type}[2] y) {{ y = Identity(x) }}"

    assert refusals(text) == ()


@pytest.mark.parametrize(("shape", "count"), [("1,1,3,8,8", 0), ("1,1,1,3,8,8", 1)])
def test_an_input_has_five_dimensions_at_most(shape, count):
    found = refusals(f"net (float[{shape}] x) => (float[{shape}] y) {{ y = Relu(x) }}")

    assert len(found) == count
    assert all("has 6 dimensions: an NPU takes 5 at most" in refusal for refusal in found)


def test_control_flow_is_not_refused_and_what_is_in_it_is():
    text = """net (bool c, float[2] x) => (float[2] y)
        { y = If(c) <then_branch = t () => (float[2] u) { n = IsNaN(x) u = Cast<to=1>(n) },
                     else_branch = e () => (float[2] v) { v = Neg(x) }> }"""

    (refusal,) = refusals(text)

    assert "(IsNaN)" in refusal
