import sys

import pytest
import typer

from edgekit.cli.flags import cache_folder, model_options, typed_command, write_text
from edgekit.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "size_hw"), [(None, None), ("640", (640, 640)), ("384x640", (384, 640))]
)
def test_a_size_is_square_or_height_by_width(text, size_hw):
    assert model_options(None, text, None, None).input_hw == size_hw


@pytest.mark.parametrize("text", ["", "0", "640x", "640x0", "6.4", "640X640", " 640"])
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
