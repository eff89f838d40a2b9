import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

import render_ablation

FP32 = {"agreement": None, "map_drop_points": None, "p50_ms": 40.0, "speedup": 1.0}
SHIPPED = {
    "agreement": 0.9735,
    "map_drop_points": 0.074,
    "p50_ms": 26.24,
    "speedup": 1.694,
    "mac_share_int8": 1.0,
}
PLAIN = {**SHIPPED, "agreement": 0.9, "map_drop_points": 1.1, "p50_ms": 26.0}


def test_each_part_has_a_line_with_what_changes_without_it():
    rows = {"edgekit fp32": FP32, "shipped": SHIPPED, "no bias correction": PLAIN}

    lines = render_ablation.table({"models": {"net": {"rows": rows}}})

    assert lines[-3:] == [
        "| **net** | nothing, 1.69 times as fast as FP32 | 0.974 | 0.07 | 26.2 | 100% |",
        "|  | no bias correction | -0.074 | +1.03 | -0.2 | 100% |",
        "",
    ]


def test_nothing_is_said_before_anything_was_measured():
    assert render_ablation.table({}) == [""]
