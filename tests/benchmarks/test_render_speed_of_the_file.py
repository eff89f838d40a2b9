import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

import render_speed_of_the_file as render

ROW = {"times_as_fast": 0.9, "times_as_fast_ci95": [0.85, 0.95]}
PART = {
    "speedup": 1.5,
    "speedup_ci95": [1.4, 1.6],
    "ways": {"int8": ROW, "int8, otherwise": ROW},
    "where": {
        "fp32": {"Conv": 2.0, "Resize": 0.5},
        "int8": {"QLinearConv": 1.0, "QGemm": 0.25, "Transpose": 0.125},
    },
}
RESULTS = {"native": {"models": {"net": PART}}, "avx2": {}}


def test_the_speed_of_int8_has_a_column_for_each_instruction_set():
    assert render.speedups(RESULTS)[-2] == "| net | 1.50 (1.40 to 1.60) |  |"


def test_each_way_but_the_one_taken_has_a_line():
    lines = render.ways(RESULTS)

    assert lines[-2] == "| int8, otherwise | 0.90 (0.85 to 0.95) |  |"
    assert not any(line.startswith("| int8 |") for line in lines)


def test_times_are_added_up_by_kind_of_operator_in_both_precisions():
    cells = render.where(RESULTS)[-2].split(" | ")

    assert cells[1] == "2.00, 1.25"
    assert cells[5:7] == ["0.50, 0.00", "0.00, 0.12"]


def test_nothing_is_said_of_a_model_before_it_was_measured():
    assert render.speedups({"native": {}})[-2].startswith("|---")
