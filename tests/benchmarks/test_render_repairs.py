import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

import render_repairs

SPLIT = {"images": 9, "plain": 0.8, "bias": 0.9, "points_gained": [10.0, -0.26, 12.0]}
ROW = {"rule": "paired", "search": SPLIT, "report": {**SPLIT, "plain": 0.7}}
TRIAL = {
    "what": "of the whole network",
    "model": "net, x86 with VNNI",
    "points_gained": [-2.0, -3.0, -1.0],
    "damage": {"before": 0.1, "after": 0.25},
}


def test_each_network_has_a_line_with_both_sets_of_images():
    lines = render_repairs.kept({"models": {"net": {"rows": [ROW]}}})

    gained = "+10.0 (-0.3 to +12.0)"
    assert lines[-2] == (
        f"| net, x86 without VNNI | 0.800 | 0.900 | {gained} | 0.700 | 0.900 | {gained} |"
    )


def test_what_was_tried_has_a_line_per_trial():
    lines = render_repairs.trials({"models": {}, "trials": [TRIAL]})

    assert lines[-2] == (
        "| of the whole network | net, x86 with VNNI | -2.0 (-3.0 to -1.0) | 0.100 | 0.250 |"
    )


def test_nothing_is_said_before_anything_was_measured():
    assert render_repairs.kept({}) == render_repairs.trials({}) == [""]
