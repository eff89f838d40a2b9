import shlex
from pathlib import Path

import pytest
from typer.main import get_command

import edgekit
from edgekit.cli.app import app
from edgekit.config.calibration import find_calibration
from edgekit.errors import MissingError
from edgekit.pipeline.demo import bundled_model, demo_options


@pytest.fixture
def options(tmp_path, monkeypatch):
    """What the demo asks for in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return demo_options("ort-cpu-int8", Path("a demo"), tmp_path / "cache")


def test_the_detector_lies_inside_the_package_so_that_the_wheel_carries_it():
    assert bundled_model().is_relative_to(Path(edgekit.__file__).parent)


def test_an_installation_without_the_detector_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(edgekit, "__file__", str(tmp_path / "__init__.py"))

    with pytest.raises(MissingError, match=r"digits\.onnx: expected .* Install edgekit again\."):
        bundled_model()


def test_the_command_by_hand_asks_for_what_the_demo_asks_for(options):
    convert = get_command(app).commands["convert"]
    name, command, *words = shlex.split(options.command)

    typed = convert.make_context("convert", words).params

    assert (name, command) == ("edgekit", "convert")
    assert typed["model"] == bundled_model()
    assert typed["target"] == options.target
    assert typed["out"] == options.out
    assert (typed["calib"], typed["evaluation"]) == (options.calib, options.evaluation)


def test_the_scenes_that_calibrate_are_of_another_split_than_those_that_score(options):
    calib, evaluation = (find_calibration(s) for s in (options.calib, options.evaluation))

    assert (calib.split, calib.count) == ("calib", 64)
    assert (evaluation.split, evaluation.count) == ("eval", 200)


def test_a_folder_of_the_users_own_that_has_a_manifests_name_is_not_taken_for_it(
    tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "digits").mkdir()

    options = demo_options("ort-cpu-int8", tmp_path / "out", tmp_path / "cache")

    assert find_calibration(options.calib) == find_calibration("digits")
    assert Path(options.calib).is_file()
    assert options.evaluation == "digits-eval"
