import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

from render_rows import by_model


def test_every_row_of_every_model_has_a_line_in_order():
    models = {"b": {"rows": [{"n": 2}, {"n": 1}]}, "a": {"rows": [{"n": 3}]}}

    lines = by_model({"models": models}, ["", "n"], lambda name, row: [name, str(row["n"])])

    assert lines == ["", "|  | n |", "|---|---|", "| b | 2 |", "| b | 1 |", "| a | 3 |", ""]


def test_nothing_is_said_before_anything_was_measured():
    assert by_model({}, ["n"], lambda *_: []) == [""]
