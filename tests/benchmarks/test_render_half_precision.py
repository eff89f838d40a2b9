import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

import render_half_precision

GOOD = {
    "casts": 7,
    "bytes": 6_400_000,
    "checker": "accepts it",
    "runtime": "opens it",
    "images": 16,
    "agreement": 0.99912,
    "map_drop_points": -0.001,
    "map_drop_ci95": [-0.03, 0.021],
}
BROKEN = {"casts": 597, "bytes": 4e6, "checker": "types differ", "runtime": "Type Error: ..."}
TIMED = {"best_ms": 2.111, "nodes": {"Conv": 1}}
RESULT = {
    "models": {"yolov8n": {"commit": "0123456789", "rows": {"ours": GOOD, "theirs": BROKEN}}},
    "kernels": {
        operator: dict.fromkeys(render_half_precision.TYPES, TIMED)
        | {"u16": {"best_ms": 2.9, "nodes": {operator: 1, "QuantizeLinear": 2}}}
        for operator in ("Conv", "MatMul")
    },
}


def test_a_converted_model_has_its_figures_and_a_broken_one_has_none():
    lines = render_half_precision.converters(RESULT)

    assert lines[3].startswith("| **yolov8n**, at 0123456 |")
    assert lines[4] == ("| ours | 7 | 6.4 | accepts it | opens it | 99.91 | 0.00 (-0.03 to 0.02) |")
    assert lines[7] == "On the first 16 images of coco-val-mini."
    assert lines[5] == "| theirs | 597 | 4.0 | refuses it | refuses it |  |  |"


def test_every_type_of_activation_has_its_time_and_the_nodes_that_ran():
    lines = render_half_precision.kernels(RESULT)

    assert lines[3] == "| Conv | 2.11 | 2.11 | 2.90 | 2.11 | 1 Conv, 2 QuantizeLinear |"
    assert len(lines) == 6


def test_before_a_measurement_there_is_nothing_to_show():
    assert render_half_precision.converters({}) == [""]
    assert render_half_precision.kernels({}) == [""]
