import json

import pytest
import yaml

from edgekit.backends.artifact import read_artifact
from edgekit.config.device import find_device
from edgekit.config.files import find
from edgekit.config.recipe import find_recipe
from edgekit.errors import ConfigError, DataError
from edgekit.images.overlap import file_sha256
from edgekit.pipeline import nncf as module
from edgekit.pipeline.convert import convert
from edgekit.pipeline.nncf import TAKEN_BACK
from edgekit.pipeline.opened import open_detector
from edgekit.pipeline.options import ModelOptions
from edgekit.tune.options import TuneOptions
from edgekit.tune.tune import tune

TARGET = "openvino-cpu-int8-nncf"


@pytest.fixture(scope="module")
def converted(tiny, tmp_path_factory):
    out = tmp_path_factory.mktemp("nncf") / "out"
    return out, convert(tiny.model, tiny.options(out, target=TARGET)).report


def test_nncf_quantizes_within_the_scope_that_edgekit_finds(converted):
    row = converted[1].row("int8")

    assert (row.status, row.backend) == ("measured", "openvino")
    assert row.coverage.convs_int8 >= 1
    assert row.coverage.left_float
    assert all(
        "the decode" in node.reason or "dB" in node.reason for node in row.coverage.left_float
    )
    assert row.agreement > 0.5


def test_the_lock_and_the_manifest_tell_what_was_left_and_which_integers_weights_use(converted):
    out, report = converted
    lock = json.loads((out / "edgekit.lock").read_text(encoding="utf-8"))

    reasons = {node.node: node.reason for node in report.row("int8").coverage.left_float}
    assert reasons.items() <= lock["kept_float"].items()
    assert lock["weight_rule"] == ("full" if find_device("host").exact_u8s8 else None)
    assert read_artifact(out)[0].weight_rule == lock["weight_rule"]
    assert lock["weights_sha256"] == file_sha256(out / "artifact/model.bin")


def test_the_artifact_is_openvinos_and_runs(converted):
    opened = open_detector(converted[0], ModelOptions(), "mine")

    assert opened.candidate.backend.name == "openvino"
    assert opened.precision == "int8"
    with opened.candidate.backend.open(opened.candidate.model) as session:
        assert session.inputs[0].dtype == "uint8"


@pytest.fixture
def controlled(tiny, tmp_path):
    """Return ``convert(**keys)``: as above, with these keys of ``accuracy_control``."""

    def run(**keys):
        path = tmp_path / "controlled.yaml"
        recipe = yaml.safe_load(find("recipe", TARGET).path.read_text(encoding="utf-8"))
        recipe["precision"]["nncf"] = {"fast_bias_correction": True, "accuracy_control": keys}
        path.write_text(yaml.safe_dump(recipe), encoding="utf-8")
        return convert(tiny.model, tiny.options(tmp_path / "out", target=str(path))).report

    return run


def answers(monkeypatch, *scores):
    """Have agreement be these numbers one after another, the last of them again and again."""
    left = list(scores)
    judged = []

    def agreed(expected, found, judging):
        judged.append((len(expected.boxes), len(found.boxes), len(judging.records)))
        return left.pop(0) if len(left) > 1 else left[0]

    monkeypatch.setattr(module, "agreement", agreed)
    return judged


def test_layers_go_back_to_float_until_agreement_is_reached(converted, controlled, monkeypatch):
    judged = answers(monkeypatch, 1.0, 0.5, 0.98)

    report = controlled(agreement_min=0.97, images=8)

    row, plain = report.row("int8"), converted[1].row("int8")
    assert 0 < row.coverage.convs_int8 < plain.coverage.convs_int8
    assert row.agreement > 0.5
    assert TAKEN_BACK in {node.reason for node in row.coverage.left_float}
    assert not any("gave up" in warning for warning in report.warnings)
    assert set(judged) == {(8, 8, 8)}


def test_what_is_never_reached_is_written_and_told(controlled, monkeypatch):
    answers(monkeypatch, 1.0, 0.5)

    report = controlled(agreement_min=0.97, images=8, max_rounds=1)

    assert report.row("int8").status == "measured"
    assert any("gave up after 1 rounds" in warning for warning in report.warnings)


def test_images_in_which_nothing_is_found_judge_nothing(controlled, monkeypatch):
    answers(monkeypatch, None)

    with pytest.raises(DataError, match=r"FP32 finds nothing in the 8 images.*Give --calib images"):
        controlled(images=8)


def test_images_that_judge_do_not_calibrate(controlled):
    with pytest.raises(DataError, match=r"expected some left to calibrate on.*calibration\.count"):
        controlled(images=1000)


def test_other_runtimes_do_not_read_what_nncf_writes(tmp_path):
    path = tmp_path / "wrong.yaml"
    path.write_text("extends: openvino-cpu-int8-nncf\nbackend: onnxruntime\n", encoding="utf-8")

    with pytest.raises(ConfigError, match="'nncf' writes networks for OpenVINO"):
        find_recipe(str(path))


def test_a_search_is_over_edgekits_own_encodings(tiny, tmp_path):
    options = TuneOptions(convert=tiny.options(tmp_path / "out", target=TARGET))

    with pytest.raises(ConfigError, match=r"quantizes by NNCF.*--target openvino-cpu-int8"):
        tune(tiny.model, options)
