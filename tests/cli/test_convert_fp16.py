"""The detector that ships with edgekit, converted for a GPU on a computer without one."""

import json
from pathlib import Path

import onnxruntime as ort
import pytest

import edgekit
from edgekit.report.schema import Report

pytestmark = [
    pytest.mark.skipif(
        "CUDAExecutionProvider" in ort.get_available_providers(), reason="there may be a GPU here"
    )
]
DIGITS = Path(edgekit.__file__).parent / "models" / "digits.onnx"


@pytest.fixture
def scenes(edgekit, tmp_path):
    pytest.importorskip("sklearn")
    edgekit("demo", "--write-scenes", tmp_path / "scenes", "--split", "search", "--count", 12)
    return next((tmp_path / "scenes").glob("*.json"))


def test_it_is_written_and_scored_and_not_called_measured(edgekit, scenes, tmp_path):
    out = tmp_path / "out"

    ended = edgekit(
        "convert", DIGITS, "--target", "ort-cuda-fp16", "--eval", scenes, "--out", out, "--json"
    )

    assert (ended.code, ended.stderr) == (0, "")
    report = Report.model_validate_json(ended.stdout)
    assert [(r.name, r.status) for r in report.rows] == [
        ("as-given", "simulated"),
        ("fp32", "simulated"),
        ("fp16", "simulated"),
    ]
    assert "pip install onnxruntime-gpu" in report.row("fp16").reason
    assert report.row("fp16").agreement > 0.97
    assert abs(report.row("fp16").map_drop_points) < 1
    assert (report.verdict.ship, report.verdict.candidate) == (None, "fp16")
    manifest = json.loads((out / "artifact/manifest.json").read_text())
    assert (manifest["precision"], manifest["provider"]) == ("fp16", "cuda")


def test_what_has_to_be_measured_ends_with_three_and_is_written(edgekit, tiny, tmp_path):
    ended = edgekit(
        "convert", tiny.model, "--target", "ort-cuda-fp16", "--out", tmp_path / "out",
        "--require-measured",
    )  # fmt: skip

    assert ended.code == 3
    assert "expected every row measured on NVIDIA GPU" in ended.stderr
    assert "not-run" in ended.stdout
    assert (tmp_path / "out/artifact/model.onnx").is_file()
