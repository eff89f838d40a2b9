import json
import re
import shutil

import onnx
import pytest
from typer.main import get_command

from edgekit.cli.app import app
from edgekit.images.overlap import file_sha256
from edgekit.pipeline import place
from edgekit.report.schema import Report
from tests.heads.detectors import picodet
from tests.pipeline.checkpoints import write, yolov8

TARGET = ("--target", "ort-cpu-int8")


@pytest.fixture
def convert(edgekit, tiny, tmp_path):
    """Return ``call(*changes, model=...)``: an INT8 conversion into tmp_path/out."""

    def call(*more, model=tiny.model, calib=tiny.calib):
        images = () if calib is None else ("--calib", calib)
        return edgekit("convert", model, *TARGET, *images, "--out", tmp_path / "out", *more)

    return call


def refused(ended, *told, code=2):
    """Whether a command ended with one message that tells all of ``told``."""
    assert ended.stdout == ""
    assert "Traceback" not in ended.stderr
    assert ended.stderr.count("edgekit: ") == 1
    assert [text for text in told if text not in ended.stderr] == []
    assert ended.code == code


def nothing_written(folder):
    return not any(folder.iterdir())


def test_the_table_and_where_the_files_are_go_to_stdout(convert, tiny, tmp_path):
    ended = convert("--eval", tiny.labels)

    assert (ended.code, ended.stderr) == (0, "")
    assert all(name in ended.stdout for name in ("as-given", "fp32", "int8", "report.html"))
    assert str(tmp_path / "out") in re.sub(r"\s", "", ended.stdout)


def test_with_json_stdout_is_the_report(convert, tiny, tmp_path):
    ended = convert("--eval", tiny.labels, "--json")

    assert ended.stdout == (tmp_path / "out/report.json").read_text(encoding="utf-8")
    report = Report.model_validate_json(ended.stdout)
    assert [r.name for r in report.rows] == ["as-given", "fp32", "int8"]
    assert report.provenance.command.startswith("edgekit convert ")
    assert report.provenance.command.endswith("--json")


def test_a_checkpoint_is_converted_like_its_onnx(convert, tiny, tmp_path):
    checkpoint = write(tmp_path / "mine.pt", {"model": yolov8(), "train_args": {"imgsz": 64}})

    ended = convert("--force", "--json", model=checkpoint)

    report = Report.model_validate_json(ended.stdout)
    assert (report.model.path, report.model.sha256) == (str(checkpoint), file_sha256(checkpoint))
    assert (report.model.family, report.model.classes) == ("yolov8", 3)
    assert [r.status for r in report.rows] == ["measured"] * 3
    assert ended.code == 0


def test_a_checkpoint_without_torch_is_a_missing_package(convert, without_package, tmp_path):
    checkpoint = write(tmp_path / "mine.pt", {"model": yolov8()})
    without_package("torch")

    refused(convert(model=checkpoint), "mine.pt", "pip install 'edgekit[torch]'", code=3)


def test_without_images_to_score_on_nothing_is_missed(convert, tmp_path):
    ended = convert()

    assert (ended.code, ended.stderr) == (0, "")
    assert (tmp_path / "out/artifact/model.onnx").is_file()


def test_a_missed_budget_ends_with_one_and_the_artifact_is_written(convert, tiny, tmp_path):
    strict = tmp_path / "strict.yaml"
    strict.write_text(
        "{version: 1, extends: ort-cpu-int8, summary: Fast., gates: {p90_ms_max: 1.0e-6}}"
    )

    ended = convert("--eval", tiny.labels, "--target", strict)

    assert ended.code == 1
    assert re.search(r"edgekit: .*strict\.yaml takes .* ms \(p90\), more than 1e-06", ended.stderr)
    assert (tmp_path / "out/artifact/model.onnx").is_file()


def test_a_model_file_that_is_not_there(convert, tmp_path):
    refused(convert(model="nowhere.onnx"), "nowhere.onnx")
    assert nothing_written(tmp_path)


@pytest.mark.parametrize("content", [b"", b"hello, I am a text file\n", b"\x89PNG\r\n\x1a\n"])
def test_a_file_that_is_no_model(convert, tmp_path, content):
    (tmp_path / "text.onnx").write_bytes(content)

    refused(convert(model=tmp_path / "text.onnx"), "text.onnx")
    assert not (tmp_path / "out").exists()


def test_a_model_that_was_cut_short(convert, tiny, tmp_path):
    data = tiny.model.read_bytes()
    for share in (0.3, 0.9, 0.999):
        (tmp_path / "cut.onnx").write_bytes(data[: int(share * len(data))])

        refused(convert(model=tmp_path / "cut.onnx"), "cut.onnx")

    assert [p.name for p in tmp_path.iterdir()] == ["cut.onnx"]


def test_a_model_that_is_quantized_already(convert, out, tmp_path):
    refused(convert(model=out / "artifact/model.onnx"), "quantized")
    assert nothing_written(tmp_path)


def test_a_head_that_two_families_share_is_a_question(convert, tmp_path):
    onnx.save(picodet()[1], tmp_path / "shared.onnx")

    refused(convert(model=tmp_path / "shared.onnx"), "--family picodet", "--family nanodet")
    assert [p.name for p in tmp_path.iterdir()] == ["shared.onnx"]


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (("--target", "ort-cpu-int9"), "Did you mean 'ort-cpu-int8'?"),
        (("--device", "generic-x86-avx"), "Did you mean 'generic-x86-avx2'?"),
        (("--family", "yolo8"), "Did you mean 'yolov8'?"),
        (("--head", "no-such-head"), "no-such-head"),
        (("--preprocess", "colour=bgr"), "Did you mean 'color'?"),
        (("--preprocess", "color=cmyk"), "color: rgb, bgr"),
        (("--preprocess", "color"), "key=value"),
        (("--calib", "nowhere"), "nowhere"),
        (("--eval", "nowhere.json"), "nowhere.json"),
    ],
)
def test_a_wrong_value_of_a_flag_is_told_with_the_right_ones(convert, tmp_path, flags, told):
    refused(convert(*flags), told)
    assert nothing_written(tmp_path)


@pytest.mark.parametrize("size", ["large", "64x", "x64", "-64", "0", "64x0", "64x64x3"])
def test_a_size_that_is_none(convert, tmp_path, size):
    ended = convert("--input-size", size)

    assert (ended.code, ended.stdout) == (2, "")
    assert "--input-size" in ended.stderr
    assert nothing_written(tmp_path)


def test_a_size_that_a_fixed_model_does_not_take(convert, tmp_path):
    refused(convert("--input-size", "96"), "96", "64")
    assert nothing_written(tmp_path)


def test_int8_without_images_to_calibrate_on(convert, tmp_path):
    refused(convert(calib=None), "--calib")
    assert nothing_written(tmp_path)


def test_an_empty_folder_of_calibration_images(convert, tmp_path):
    (tmp_path / "empty").mkdir()

    refused(convert("--calib", tmp_path / "empty"), "empty")
    assert not (tmp_path / "out").exists()


def test_a_folder_in_which_no_image_can_be_read(convert, tmp_path):
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken/a.png").write_bytes(b"no image")

    broken = ("--calib", tmp_path / "broken")

    refused(convert(*broken), "Only 0 calibration images can be read", "broken", "--force")
    refused(convert(*broken, "--force"), "broken", "none can be read")
    assert [p.name for p in tmp_path.iterdir()] == ["broken"]


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", '{"images": []}', '{"images": 3, "annotations": [], "categories": []}'],
)
def test_a_label_file_that_is_none(convert, tmp_path, content):
    (tmp_path / "labels.json").write_text(content)

    refused(convert("--eval", tmp_path / "labels.json"), "labels.json")
    assert not (tmp_path / "out").exists()


def test_labels_of_other_classes(convert, tiny, tmp_path):
    labels = json.loads(tiny.labels.read_text())
    labels["categories"] = [{"id": i, "name": n} for i, n in ((3, "ant"), (7, "bee"))]
    wrong = tiny.labels.with_name("insects.json")
    wrong.write_text(json.dumps(labels))

    refused(convert("--eval", wrong), "ant", "disc")
    assert nothing_written(tmp_path)


def test_labels_in_other_places_stop_with_what_to_check_and_force_goes_on(convert, tiny, tmp_path):
    labels = json.loads(tiny.labels.read_text())
    for annotation in labels["annotations"]:
        annotation["bbox"] = [0.5, 0.5, 1.5, 1.5]
    wrong = tiny.labels.with_name("elsewhere.json")
    wrong.write_text(json.dumps(labels))

    refused(convert("--eval", wrong), "mAP 0.00", "--preprocess", "--head", "--force")
    assert nothing_written(tmp_path)

    assert convert("--eval", wrong, "--force").code == 0


def test_images_that_calibrate_and_score(convert, tiny, tmp_path):
    images = tiny.labels.parent / "images"
    flags = ("--eval", tiny.labels, "--calib", images)

    refused(convert(*flags), "--allow-overlap")
    assert nothing_written(tmp_path)

    allowed = convert(*flags, "--allow-overlap", "--force", "--json")
    assert allowed.code == 0
    assert any("flattered" in w for w in json.loads(allowed.stdout)["warnings"])


@pytest.mark.parametrize("place", ["a file/out", "a file"])
def test_a_place_that_cannot_be_written(edgekit, tiny, tmp_path, place):
    (tmp_path / "a file").write_text("mine")

    ended = edgekit(
        "convert", tiny.model, *TARGET, "--calib", tiny.calib, "--out", tmp_path / place
    )

    refused(ended, "a file")
    assert (tmp_path / "a file").read_text() == "mine"
    assert [p.name for p in tmp_path.iterdir()] == ["a file"]


def test_a_folder_of_other_files_is_left_alone(convert, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/thesis.tex").write_text("years of work")

    refused(convert(), "other files")
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["thesis.tex"]


def test_a_conversion_that_is_refused_leaves_the_last_one_whole(convert, out, tmp_path):
    shutil.copytree(out, tmp_path / "out")
    before = (tmp_path / "out/report.json").read_bytes()

    refused(convert("--preprocess", "std=0"), "std")

    assert (tmp_path / "out/report.json").read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_every_option_of_a_conversion_has_its_flag():
    flags = {p.opts[0] for p in get_command(app).commands["convert"].params}

    assert flags >= {"--calib", "--eval", "--out", "--max-map-drop", "--device", "--target"}


@pytest.mark.parametrize("flags", [(), ("--require-measured",)])
def test_a_device_that_is_not_here_ends_with_three_only_where_that_is_asked(
    convert, tiny, tmp_path, monkeypatch, flags
):
    monkeypatch.setattr(place, "is_here", lambda device: False)

    ended = convert("--eval", tiny.labels, *flags)

    assert ended.code == (3 if flags else 0)
    assert ("expected every row measured" in ended.stderr) == bool(flags)
    assert "simulated" in ended.stdout
    assert (tmp_path / "out/artifact/model.onnx").is_file()


def test_a_budget_that_asks_for_a_gain_is_refused(convert, tiny, tmp_path):
    refused(convert("--eval", tiny.labels, "--max-map-drop", "-1"), "0 or more, found -1")
    assert nothing_written(tmp_path)
