import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

import render
import render_checkpoints
from committed import committed


def test_a_line_for_every_file_has_what_is_left_and_what_it_scores():
    part = {
        "left": {
            "as-given": {"batchnorms": 81, "parallel_branches": 2},
            "fp32": {"batchnorms": 0, "parallel_branches": 0},
        },
        "map": {"as-given": 0.490221, "fp32": 0.490049, "reference": 0.4902},
    }

    lines = render_checkpoints.table({"a.onnx": part})

    assert len(lines) == 5
    assert lines[3] == "| a.onnx | 81 to 0 | 2 to 0 | 49.02 | 49.00 | 49.02 |"


def test_nothing_measured_is_nothing_rendered():
    assert render_checkpoints.table({}) == [""]
    assert "checkpoints" in render.PARTS


def test_the_committed_files_keep_their_accuracy_and_nothing_of_training():
    result = committed("checkpoints")

    unfused = result["yolov10s_e2e_unfused.onnx"]
    assert unfused["left"]["fp32"] == {"batchnorms": 0, "parallel_branches": 0}
    for part in result.values():
        assert abs(part["map"]["fp32"] - part["map"]["reference"]) < 0.001
