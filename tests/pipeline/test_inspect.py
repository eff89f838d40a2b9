import numpy as np
import onnx
import pytest

from edgekit.errors import UnknownNameError
from edgekit.pipeline.inspect import inspect
from edgekit.pipeline.options import ModelOptions
from edgekit.quantize.product import MULTIPLIES

USUAL = ModelOptions()


def test_a_model_is_described(tiny):
    found = inspect(tiny.model, USUAL)

    expected = {"family": "yolov8", "head": "distances", "classes": 3, "input": "64x64"}
    assert found.facts.items() >= expected.items()
    assert found.facts["preprocess"].startswith("resize=letterbox-center")
    assert found.facts["macs"] > found.facts["parameters"] > 0
    assert found.fates == ()


def test_the_structure_is_counted_before_and_after(tiny, tmp_path):
    model = onnx.load(tiny.model)
    conv = next(node for node in model.graph.node if node.op_type == "Conv")
    channels = next(i.dims[0] for i in model.graph.initializer if i.name == conv.input[1])
    for name, value in (("one", 1), ("zero", 0)):
        array = np.full(channels, value, np.float32)
        model.graph.initializer.append(onnx.numpy_helper.from_array(array, name))
    output, conv.output[0] = conv.output[0], "before"
    inputs = ["before", "one", "zero", "zero", "one"]
    norm = onnx.helper.make_node("BatchNormalization", inputs, [output])
    model.graph.node.insert(list(model.graph.node).index(conv) + 1, norm)
    onnx.save(model, tmp_path / "norm.onnx")

    found = inspect(tmp_path / "norm.onnx", USUAL)

    assert (found.given.batch_norms, found.plain.batch_norms) == (1, 0)
    assert found.given.nodes > found.plain.nodes
    assert found.given.weighted == found.plain.weighted > 0
    assert found.given.macs == found.plain.macs == found.facts["macs"]
    assert found.plain.parameters == found.facts["parameters"]
    assert found.given.parameters > found.plain.parameters
    assert found.rewrites == {"batch normalizations folded": 1}


def test_every_node_with_weights_has_its_fate_and_float_its_reason(tiny):
    found = inspect(tiny.model, USUAL, "ort-cpu-int8")
    fates = found.fates

    assert "calibration may leave further layers in float" in found.notes[-1]
    assert sum(f.op_type == "Conv" for f in fates) == 9
    assert {f.precision for f in fates} <= {"int8", "float"}
    assert all(f.reason for f in fates if f.precision == "float")
    assert [f.reason for f in fates if f.precision == "int8" and f.reason] == [MULTIPLIES] * 6
    assert sum(f.mac_share for f in fates) == pytest.approx(1, abs=0.05)


def test_a_float_target_leaves_every_node_in_float(tiny):
    found = inspect(tiny.model, USUAL, "ort-cpu-fp32")

    assert {(f.precision, f.reason) for f in found.fates} == {("float", "the target is in float")}
    assert not any("calibration" in note for note in found.notes)


def test_an_unknown_target_is_answered_with_the_nearest(tiny):
    with pytest.raises(UnknownNameError, match="Did you mean 'ort-cpu-int8'"):
        inspect(tiny.model, USUAL, "ort-cpu-int")


def test_on_openvino_only_what_layers_read_is_rounded(tiny):
    found = inspect(tiny.model, ModelOptions(), "openvino-cpu-int8")

    assert {f.precision for f in found.fates if f.op_type == "Sigmoid"} <= {"float"}
    assert any(f.precision == "int8" for f in found.fates if f.op_type == "Conv")
