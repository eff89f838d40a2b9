import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

import render_range_choices

ROWS = [
    {"observer": o, "rule": r, "agreement": {"search": s, "report": s / 2}}
    for (o, r), s in {
        ("mse", "paired"): 0.8,
        ("damage", "paired"): 0.9,
        ("mse", "full"): 0.82,
        ("damage", "full"): 0.92,
    }.items()
]


def test_each_model_has_a_line_per_kind_of_weights():
    lines = render_range_choices.table({"models": {"net": {"rows": ROWS}}})

    assert [line for line in lines if line.startswith("| net")] == [
        "| net, x86 without VNNI | 0.800 | 0.900 | 0.400 | 0.450 |",
        "| net, x86 with VNNI | 0.820 | 0.920 | 0.410 | 0.460 |",
    ]


def test_nothing_is_said_before_anything_was_measured():
    assert render_range_choices.table({}) == [""]
