import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

import render_search_strategies

OWN = {
    "evaluations": 25,
    "mixed_on_front": 7,
    "area": 0.05432,
    "speedup_at_agreement": {"0.97": 1.668, "0.995": None},
}


def test_each_strategy_has_a_line_with_the_fastest_at_each_agreement():
    lines = render_search_strategies.table({"strategies": {"edgekit": OWN}})

    assert lines[1].endswith("| fastest at 0.97 | fastest at 0.995 |")
    assert lines[-2] == "| edgekit | 25 | 7 | 5.43 | 1.67 | none |"


def test_nothing_is_said_before_anything_was_measured():
    assert render_search_strategies.table({}) == [""]
