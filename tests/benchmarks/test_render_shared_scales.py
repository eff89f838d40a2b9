import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

import render_shared_scales


def row(encodings, rule, speedup):
    figures = {"damage": 0.1234, "agreement": 0.9345, "p50_ms": 12.0}
    return {"encodings": encodings, "rule": rule, "speedup": speedup, **figures}


def test_each_kind_has_a_line_with_its_speedup_over_encodings_apart():
    rows = [row("apart", "full", None), row("shared", "paired", [1.0329, 1.0118, 1.0424])]

    lines = render_shared_scales.table({"models": {"net": {"rows": rows}}})

    assert lines[-3:] == [
        "| net, x86 with VNNI, apart | 0.123 | 0.934 | 1 |",
        "| net, x86 without VNNI, shared | 0.123 | 0.934 | 1.033 (1.012 to 1.042) |",
        "",
    ]


def test_nothing_is_said_before_anything_was_measured():
    assert render_shared_scales.table({}) == [""]
