import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

import render_ort_cpu_int8 as rendered


def row(lost=None, speed=None, **more):
    found = {"map": 0.4, "scored_at": "0123456789", "mac_share_int8": 0.9, **more}
    if lost is not None:
        found |= {"map_drop_points": lost, "map_drop_ci95": [lost - 1, lost + 1], "agreement": 0.9}
    if speed is not None:
        found |= {
            "p50_ms": 20.0,
            "speedup_over_edgekit_fp32": speed,
            "speedup_over_edgekit_fp32_ci95": [speed, speed],
        }
    return found


@pytest.fixture
def results():
    fp32 = {"edgekit fp32": row(speed=1.0)}
    models = {
        "yolov8n": {**fp32, "edgekit int8": row(0.1, 1.5), "ort by hand": row(1.0)},
        "yolov5n": {**fp32, "edgekit int8": row(0.5, 1.2)},
    }
    return {"avx2": {"machine": {"cpu": "A processor"}, "models": models}}


def line_of(results, title):
    (found,) = (x for x in rendered.table(results) if x.startswith(f"| {title} |"))
    return [cell.strip() for cell in found.strip("|").split("|")]


def test_the_mean_loss_is_over_all_models(results):
    assert line_of(results, "**INT8, edgekit**")[-1] == "0.30"


def test_a_tool_that_misses_a_model_has_no_mean_loss(results):
    cells = line_of(results, rendered.TOOLS["ort by hand"])

    assert cells[1:] == ["1.0 (0.0 to 2.0) · 0.900", "", ""]


def test_a_loss_that_rounds_to_zero_has_no_sign(results):
    results["avx2"]["models"]["yolov8n"]["ort by hand"] = row(-0.01)

    assert line_of(results, rendered.TOOLS["ort by hand"])[1].startswith("0.0 (-1.0 to 1.0)")


def test_rows_and_kernels_that_were_not_measured_have_no_line(results):
    text = "\n".join(rendered.table(results))

    assert "NNCF" not in text
    assert rendered.KERNELS["native"] not in text
    assert rendered.KERNELS["avx2"] in text


def test_what_a_tool_makes_that_does_not_run_is_said(results):
    results["avx2"]["models"]["yolov5n"]["ort by hand"] = {
        "fails": "Input channels",
        "scored_at": "",
    }

    cells = line_of(results, "ORT U8S8 per channel, decode float by hand-written names")

    assert cells[2] == "does not run"
    assert cells[-1] == ""
