import hashlib
import json

import pytest
import torch

from edgekit.backends.artifact import Manifest, read_artifact
from edgekit.pipeline.convert import convert
from edgekit.pipeline.lock import Lock
from edgekit.report.json_file import read_report
from tests.pipeline.checkpoints import write, yolov8


@pytest.fixture(scope="module")
def report(out):
    return read_report(out / "report.json")


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_report_tells_the_model_the_images_and_the_command(report, tiny):
    assert (report.target, report.model.family, report.model.classes) == (
        "ort-cpu-int8",
        "yolov8",
        3,
    )
    assert report.model.sha256 == sha256(tiny.model)
    assert [(d.role, d.images) for d in report.data] == [("calibration", 32), ("evaluation", 10)]
    assert report.provenance.command == "edgekit convert tiny.onnx"
    assert report.calibration.observer == "damage"
    assert report.calibration.tensors > 0
    assert [point.images for point in report.calibration.curve] == [8, 16, 24, 32]
    assert report.calibration.advice.startswith(("Stop: ", "Add about "))
    assert report.calibration.findings == ()


def test_manifest_lock_and_report_name_the_same_files(out, tiny):
    manifest, model = read_artifact(out)
    lock = Lock.model_validate_json((out / "edgekit.lock").read_bytes())

    assert manifest.sha256 == lock.artifact_sha256 == sha256(model)
    assert manifest.source_sha256 == lock.model_sha256 == sha256(tiny.model)
    assert manifest.precision == "int8"
    assert manifest.weight_rule == lock.weight_rule
    assert model.stat().st_size == read_report(out / "report.json").row("int8").size_bytes


def test_what_exported_a_checkpoint_is_among_the_versions(out, tiny, tmp_path):
    checkpoint = write(tmp_path / "mine.pt", {"model": yolov8(), "train_args": {"imgsz": 64}})
    options = tiny.options(
        tmp_path / "out",
        target="ort-cpu-fp32",
        calib=None,
        evaluation=None,
        cache=tmp_path / "cache",
    )

    report = convert(checkpoint, options).report

    lock = Lock.model_validate_json((tmp_path / "out/edgekit.lock").read_bytes())
    assert lock.versions == report.provenance.versions
    assert lock.versions["torch"] == torch.__version__
    assert {"onnxscript", "onnx-ir", "onnxsim"} < lock.versions.keys()
    assert "torch" not in read_report(out / "report.json").provenance.versions


def test_the_pages_show_the_rows_and_need_nothing_else(out):
    html = (out / "report.html").read_text(encoding="utf-8")
    markdown = (out / "report.md").read_text(encoding="utf-8")

    assert all(name in html and name in markdown for name in ("as-given", "fp32", "int8"))
    assert 'src="http' not in html
    assert "data:image/jpeg;base64" in html


def test_the_published_schema_of_the_manifest_is_current(golden):
    schema = Manifest.model_json_schema(by_alias=True, mode="serialization")

    golden("../../docs/reference/schemas/manifest.json", json.dumps(schema, indent=2) + "\n")
