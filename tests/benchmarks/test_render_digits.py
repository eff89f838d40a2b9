import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

import render_digits


def weights(crest):
    return {
        "peak": 1.0,
        "spread": 1.5,
        "crest": crest,
        "sqnr_db": 40 - crest,
        "sqnr_per_channel_db": 44 - crest,
    }


def block(node, *, identity):
    branches = [{"op": "3x3", **weights(3.0)}, {"op": "1x1", **weights(2.0)}]
    if identity:
        branches.append({"op": "identity", "peak": 2.0})
    merged = weights(12.0 if identity else 5.0)
    sqnr = dict(zip(render_digits.LINES, (26.0, 22.0, 24.0, 28.0), strict=True))
    return {"block": node, "branches": branches, "merged": merged, "sqnr_db": sqnr}


def row(**changes):
    return {
        "map": 0.6,
        "map50": 0.8,
        "map75": 0.7,
        "map_small": None,
        "map_medium": 0.65,
        "map_large": 0.75,
        "map_drop_points": -0.001,
        "map_drop_ci95": [-0.2, 0.2],
        "agreement": 0.98,
        **changes,
    }


@pytest.fixture
def result():
    rows = {
        "as-given fp32": row(map_drop_points=None, map_drop_ci95=None, agreement=None),
        "edgekit fp32": row(),
        "edgekit int8": row(mac_share_int8=0.98),
        "ort conv-only on as-given": row(map_drop_points=1.5, map_drop_ci95=[1.0, 2.0]),
    }
    bars = [{"bar": "points lost", "at_least": 1.0, "found": 0.5, "met": False}]
    blocks = [
        block("/stem/dense/dense.0/Conv", identity=False),
        block("/stages.0/stages.0.1/dense/dense.0/Conv", identity=True),
    ]
    boxes = {"small": 1500, "medium": 20, "large": 3}
    return {
        "accuracy": {"scenes": 2000, "boxes": boxes, "rows": rows, "bars": bars},
        "layers": {"scenes": 32, "blocks": blocks},
    }


@pytest.mark.parametrize(
    ("node", "block_name"),
    [
        ("/stem/dense/dense.0/Conv", "stem"),
        ("/stages.0/stages.0.0/dense/dense.0/Conv", "stages.0.0"),
        ("/smooth.2/dense/dense.0/Conv", "smooth.2"),
        ("/heads.0/classify/classify.0/dense/dense.0/Conv", "heads.0 classify"),
    ],
)
def test_a_block_is_called_by_its_place_in_the_network(node, block_name):
    assert render_digits.label(node) == block_name


def test_the_baseline_loses_nothing_and_sizes_without_objects_stay_empty(result):
    baseline = render_digits.table(result)[3]

    assert baseline == (
        "| FP32, the file as given | 60.0 | 80.0 | 70.0 |  | 65.0 | 75.0 |  |  |  |"
    )


def test_a_loss_that_rounds_to_zero_has_no_sign(result):
    text = "\n".join(render_digits.table(result))

    assert "| 0.00 (-0.20 to 0.20) | 0.980 | 98% |" in text
    assert "1,500 small, 20 medium, 3 large" in text


def test_a_tool_that_did_not_run_on_a_file_has_an_empty_cell(result):
    first = render_digits.tools(result)[3]

    assert first.endswith("| 1.50 (1.00 to 2.00) · 0.980 |  |  |")


def test_latency_shows_only_once_measured(result):
    assert render_digits.latency(result) == [""]

    speed = {"p50_ms": 5.0, "speedup_over_as_given": 2.0, "speedup_over_as_given_ci95": [1.9, 2.1]}
    result["latency"] = {"rows": dict.fromkeys(render_digits.TIMED, speed)}

    assert "| 5.00 | 2.00 (1.90 to 2.10) |" in "\n".join(render_digits.latency(result))
    assert "| 5.00 | 2.00 (1.90 to 2.10) |" in "\n".join(render_digits.table(result))


def test_a_bar_that_is_missed_says_so(result):
    assert render_digits.bars(result)[1] == ("- points lost: at least 1, found 0.50: NOT met.")


def test_the_paragraph_compares_blocks_with_an_identity_only(result):
    text = "\n".join(render_digits.layers(result))

    assert "1 of the 2 blocks" in text
    assert "3.0 times the channel's root mean square in the 3x3 branch, and 12.0 times" in text
    assert "from 37 to 28 dB with one scale for the layer, and from 41 to 32 dB" in text
    assert "26.0 dB with the branches kept, 22.0 dB once merged, and 24.0 dB" in text


def test_the_drawing_names_every_block_and_is_the_same_each_time(result):
    svg = render_digits.drawing(result)

    words = {e.text.strip() for e in ET.fromstring(svg).iter() if e.text and e.text.strip()}
    assert {"stem", "stages.0.1", "edgekit, merged", "3x3 branch"} <= words
    assert svg == render_digits.drawing(result)
