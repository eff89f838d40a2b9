import sys

import pytest
import typer

from edgekit.cli.flags import cache_folder, model_options, typed_command, write_text
from edgekit.errors import ConfigError
from tests.pipeline.tiny import write_images


@pytest.mark.parametrize(
    ("text", "size_hw"), [(None, None), ("640", (640, 640)), ("384x640", (384, 640))]
)
def test_a_size_is_square_or_height_by_width(text, size_hw):
    assert model_options(None, text, None, None).input_hw == size_hw


@pytest.mark.parametrize("text", ["", "0", "640x", "640x0", "6.4", "640X640", " 640", "9" * 5000])
def test_what_is_no_size_is_refused(text):
    with pytest.raises(typer.BadParameter, match="expected 640 or HEIGHTxWIDTH"):
        model_options(None, text, None, None)


def test_the_cache_is_where_the_environment_says(monkeypatch, tmp_path):
    monkeypatch.setenv("EDGEKIT_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path

    monkeypatch.delenv("EDGEKIT_CACHE")
    assert cache_folder().name == "edgekit"


def test_the_command_can_be_typed_again(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["anything", "convert", "my model.onnx", "--out", "a'b"])

    assert typed_command() == """edgekit convert 'my model.onnx' --out 'a'"'"'b'"""


def test_text_that_cannot_be_written_is_told(tmp_path):
    with pytest.raises(ConfigError, match=r"Cannot write .*Is a directory.*Choose another"):
        write_text(tmp_path, "text")


@pytest.mark.parametrize("trusted", [True, False])
def test_code_is_trusted_only_where_the_flag_says_so(trusted):
    assert model_options(None, None, None, None, trusted).trust_code is trusted


@pytest.mark.parametrize(
    ("command", "others"),
    [
        ("convert", ["--target", "ort-cpu-fp32", "--out", "out"]),
        ("eval", ["--eval", "images"]),
        ("bench", []),
        ("run", ["images"]),
        ("inspect", []),
    ],
)
def test_every_command_that_takes_a_model_runs_its_code_only_with_the_flag(
    command, others, edgekit, monkeypatch, tmp_path
):
    monkeypatch.chdir(tmp_path)
    write_images(tmp_path / "images", 1, seed=1)
    (tmp_path / "my_model.py").write_text("raise OSError('it was run')")

    refused = edgekit(command, "my_model:make", *others)
    allowed = edgekit(command, "my_model:make", *others, "--trust-code")

    assert (refused.code, allowed.code) == (2, 2)
    assert "add --trust-code" in refused.stderr
    assert "it was run" not in refused.stderr
    assert "OSError: it was run" in allowed.stderr
