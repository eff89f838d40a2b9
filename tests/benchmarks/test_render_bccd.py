import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

import render_bccd
from committed import committed


@pytest.fixture
def result():
    classes = {"RBC": {"map": 0.5, "map50": 0.8}, "WBC": {"map": 0.7, "map50": 0.9}}
    base = {
        "map": 0.6,
        "map50": 0.85,
        "per_class": classes,
        "map_drop_points": None,
        "agreement": None,
    }
    fast = {"p50_ms": 2.0, "speedup_over_edgekit_fp32": 1.0}
    interval = {"speedup_over_edgekit_fp32_ci95": [0.99, 1.01]}
    rows = {name: dict(base) for name in render_bccd.ROWS}
    rows["edgekit int8"] |= {
        "map_drop_points": 0.25,
        "map_drop_ci95": [0.1, 0.4],
        "agreement": 0.961,
        "mac_share_int8": 0.97,
    }
    return {
        "accuracy": {
            "images": 159,
            "calibration_images": 128,
            "boxes": {"RBC": 1700, "WBC": 100},
            "rows": rows,
        },
        "latency": {
            "machine": {"cpu": "a processor", "cores": 2, "isa": ["avx2", "fma"]},
            "rows": dict.fromkeys(rows, fast | interval),
        },
        "bars": [
            {"bar": "points lost", "at_most": 0.5, "found": 0.61, "met": False},
            {"bar": "agreement", "at_least": 0.95, "found": 0.961, "met": True},
        ],
    }


def test_a_row_has_its_loss_and_its_speed(result):
    lines = render_bccd.table(result)

    assert lines[1].count("|") == lines[5].count("|") == len(render_bccd.COLUMNS) + 2
    assert "0.25 (0.10 to 0.40) | 0.961 | 97% | 2.00 | 1.00 (0.99 to 1.01)" in lines[5]
    assert "Timed on 2 cores of a processor (avx2, fma)." in lines


def test_classes_are_counted_and_summed(result):
    lines = render_bccd.classes(result)

    assert lines[3] == "| RBC | 1,700 | 50.0 | 80.0 | 50.0 | 80.0 |"
    assert lines[-2].startswith("| all | 1,800 | 60.0 | 85.0")


def test_a_bar_that_is_missed_says_by_how_much(result):
    lines = render_bccd.bars(result)

    assert lines[1] == "- points lost: at most 0.5, found 0.61: missed by 0.11."
    assert lines[2] == "- agreement: at least 0.95, found 0.961: met."


def test_nothing_measured_is_nothing_rendered():
    assert render_bccd.table({}) == render_bccd.classes({}) == [""]


@pytest.mark.parametrize("part", [render_bccd.table, render_bccd.classes, render_bccd.bars])
def test_the_committed_result_renders(part):
    assert len(part(committed("bccd"))) > 3
