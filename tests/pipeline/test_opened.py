import json
import shutil

import numpy as np
import pytest

from edgekit.config.device import find_device
from edgekit.errors import ConfigError, DataError, ModelError
from edgekit.measure.accuracy import detect_all
from edgekit.pipeline import opened as module
from edgekit.pipeline.opened import open_detector
from edgekit.pipeline.options import ModelOptions
from edgekit.values import Category, Dataset

USUAL = ModelOptions()


def test_a_conversion_and_its_artifact_open_the_same(out):
    whole, artifact = (open_detector(p, USUAL, "a") for p in (out, out / "artifact"))

    assert whole.candidate == artifact.candidate
    assert whole.precision == "int8"
    assert whole.candidate.input == "u8-nhwc"
    assert whole.class_names == ("disc", "square", "stripe")


def test_answers_about_the_model_do_not_vanish_at_an_artifact(out):
    opened = open_detector(out, ModelOptions(family="yolox"), "mine")

    assert opened.candidate == open_detector(out, USUAL, "mine").candidate
    assert "--family and --preprocess change nothing" in opened.warnings[0].replace("\n", " ")


def test_where_exports_are_kept_is_no_answer_about_the_model(out, tmp_path):
    assert open_detector(out, ModelOptions(cache=tmp_path), "mine").warnings == ()


def test_an_artifact_moved_elsewhere_finds_what_the_model_finds(out, tiny, scored, tmp_path):
    shutil.copytree(out / "artifact", tmp_path / "moved")

    moved = detect_all(open_detector(tmp_path / "moved", USUAL, "a").candidate, scored).boxes
    given = detect_all(open_detector(tiny.model, USUAL, "b").candidate, scored).boxes

    image = scored.records[0].id
    assert np.abs(moved[image].scores[:5] - given[image].scores[:5]).max() < 0.1


def test_a_model_file_is_run_untouched(tiny):
    opened = open_detector(tiny.model, USUAL, "mine")

    assert opened.candidate.model == tiny.model
    assert opened.candidate.input == "float-nchw"
    assert opened.precision == "fp32"


def test_a_folder_that_is_no_artifact_is_named(tmp_path):
    with pytest.raises(ModelError, match=r"without manifest\.json.*edgekit convert"):
        open_detector(tmp_path, USUAL, "a")


def test_an_artifact_whose_model_was_changed_is_refused(out, tmp_path):
    shutil.copytree(out / "artifact", tmp_path / "a")
    with (tmp_path / "a/model.onnx").open("ab") as file:
        file.write(b"more")

    with pytest.raises(ConfigError, match="Convert the model again"):
        open_detector(tmp_path / "a", USUAL, "a")


@pytest.mark.parametrize(
    ("device", "warned"), [("generic-x86-avx2", True), ("generic-x86-vnni", False)]
)
def test_weights_that_saturate_on_this_processor_are_a_warning(
    out, tmp_path, monkeypatch, device, warned
):
    shutil.copytree(out / "artifact", tmp_path / "a")
    manifest = tmp_path / "a/manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"weight_rule": "full"}))
    monkeypatch.setattr(module, "detect_host", lambda: find_device(device))

    warnings = open_detector(tmp_path / "a", USUAL, "mine").warnings

    assert ["sums will saturate" in w for w in warnings] == [True] * warned


def test_classes_are_matched_with_the_labels_by_name(out):
    opened = open_detector(out, USUAL, "a")
    labels = Dataset("d", (), (Category(1, "stripe"), Category(2, "disc")))

    assert opened.category_ids(labels) == (2, -1, 1)


def test_labels_of_other_things_are_refused(out):
    opened = open_detector(out, USUAL, "a")

    with pytest.raises(DataError, match="Cannot match"):
        opened.category_ids(Dataset("d", (), (Category(1, "ant"), Category(2, "bee"))))
