from pathlib import Path

import onnx
import pytest

from edgekit.errors import ModelError
from edgekit.load.refuse import opset_of, refuse_unsupported
from tests.networks import proto

PATH = Path("m.onnx")
RELU = "g (float[1] x) => (y) { y = Relu(x) }"


@pytest.mark.parametrize(
    ("body", "operator"),
    [
        ("q = QuantizeLinear(x, s, z) y = DequantizeLinear(q, s, z)", "QuantizeLinear"),
        ("y, s2, z2 = DynamicQuantizeLinear(x)", "DynamicQuantizeLinear"),
        ("y = ConvInteger(x, s)", "ConvInteger"),
        ("y = QLinearConv(x, s, z, s, s, z, s, z)", "QLinearConv"),
        ("y = com.microsoft.QLinearAdd(x, s, z, x, s, z, s, z)", "QLinearAdd"),
        ("y = com.microsoft.QGemm(x, s, z, x, s, z)", "QGemm"),
        ("y = com.microsoft.MatMulNBits(x, s, z)", "MatMulNBits"),
    ],
)
def test_a_quantized_model_is_refused_with_the_node(body, operator):
    model = proto(f"g (float[1,2,4,4] x, float s, uint8 z) => (y) {{ {body} }}")
    with pytest.raises(ModelError, match=rf"already quantized.*{operator}.*Convert the float"):
        refuse_unsupported(model, PATH)


def test_a_quantized_node_inside_a_local_function_is_found():
    model = onnx.parser.parse_model(
        """<ir_version: 8, opset_import: ["" : 17, "local" : 1]>
        g (float[1] x, float s) => (y) { y = local.F(x, s) }
        <domain: "local", opset_import: ["" : 17]> F (a, s) => (b) { b = QuantizeLinear(a, s) }"""
    )
    with pytest.raises(ModelError, match="already quantized"):
        refuse_unsupported(model, PATH)


@pytest.mark.parametrize(
    ("task", "word"),
    [
        ("segment", "segmentation"),
        ("pose", "pose estimation"),
        ("obb", "oriented boxes"),
        ("classify", "classification"),
    ],
)
def test_another_task_is_refused_by_name(task, word):
    model = proto(RELU)
    model.metadata_props.add(key="task", value=task)
    with pytest.raises(ModelError, match=rf"task '{task}', {word}: expected a detection model"):
        refuse_unsupported(model, PATH)


@pytest.mark.parametrize("task", ["detect", "something new"])
def test_a_detection_model_and_an_unknown_word_pass(task):
    model = proto(RELU)
    model.metadata_props.add(key="task", value=task)
    refuse_unsupported(model, PATH)
    assert opset_of(model) == 17


@pytest.mark.parametrize("opset", [8, 99])
def test_an_opset_out_of_range_is_refused_with_both_ends(opset):
    with pytest.raises(ModelError, match=rf"expected opset 9 to \d+, found {opset}"):
        refuse_unsupported(proto(RELU, opset=opset), PATH)


def test_a_model_without_standard_operators_has_no_opset():
    model = proto(RELU)
    del model.opset_import[0]
    assert opset_of(model) == 0
