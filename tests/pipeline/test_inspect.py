import pytest

from edgekit.errors import UnknownNameError
from edgekit.pipeline.inspect import inspect
from edgekit.pipeline.options import ModelOptions

USUAL = ModelOptions()


def test_a_model_is_described(tiny):
    found = inspect(tiny.model, USUAL)

    expected = {"family": "yolov8", "head": "distances", "classes": 3, "input": "64x64"}
    assert found.facts.items() >= expected.items()
    assert found.facts["preprocess"].startswith("resize=letterbox-center")
    assert found.facts["macs"] > found.facts["parameters"] > 0
    assert found.fates == ()


def test_every_node_with_weights_has_its_fate_and_float_its_reason(tiny):
    found = inspect(tiny.model, USUAL, "ort-cpu-int8")
    fates = found.fates

    assert "calibration may leave further layers in float" in found.notes[-1]
    assert sum(f.op_type == "Conv" for f in fates) == 9
    assert {f.precision for f in fates} <= {"int8", "float"}
    assert all(f.reason for f in fates if f.precision == "float")
    assert sum(f.mac_share for f in fates) == pytest.approx(1, abs=0.05)


def test_a_float_target_leaves_every_node_in_float(tiny):
    found = inspect(tiny.model, USUAL, "ort-cpu-fp32")

    assert {(f.precision, f.reason) for f in found.fates} == {("float", "the target is in float")}
    assert not any("calibration" in note for note in found.notes)


def test_an_unknown_target_is_answered_with_the_nearest(tiny):
    with pytest.raises(UnknownNameError, match="Did you mean 'ort-cpu-int8'"):
        inspect(tiny.model, USUAL, "ort-cpu-int")
