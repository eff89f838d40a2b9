import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

import render_openvino_symmetric


def test_what_is_further_down_than_float32_resolves_is_called_exact():
    row = {"scale": 1 / 64, "ort_db": 336.4, "openvino_db": 11.84, "from_lost_scale_db": 150.5}

    lines = render_openvino_symmetric.scales({"scales": [row]})

    assert lines[-2] == "| 1/64 | exact | 11.8 | exact |"


def test_a_runtime_that_cannot_run_a_network_has_an_empty_cell():
    row = {"openvino_db": 55.03, "input": "u8"}

    lines = render_openvino_symmetric.variants({"variants": {"one FakeQuantize": row}})

    assert lines[-2] == "| one FakeQuantize |  | 55.0 | u8 |"


def test_the_block_is_told_by_what_is_unsigned():
    names = ("signed", "signed, 7-bit weights", "unsigned beside the Concat", "unsigned")
    rows = {name: {"ort_db": 29.55, "openvino_db": 10.0 + at} for at, name in enumerate(names)}

    (told,) = render_openvino_symmetric.block({"block": rows})

    assert told.count("29.6 dB in ONNX Runtime") == 3
    assert "29.6 dB in ONNX Runtime and 10.0 in OpenVINO against float" in told
    assert told.endswith("unsigned, at 29.6 dB in ONNX Runtime and 12.0 in OpenVINO.")


@pytest.mark.parametrize("part", ["scales", "variants", "block"])
def test_nothing_is_said_before_anything_was_measured(part):
    assert getattr(render_openvino_symmetric, part)({}) == [""]
