import os
from pathlib import Path
from zipfile import ZipFile

import pytest

from edgekit.errors import ModelError
from edgekit.load.program import is_function, kind_of_program, refuse_function, short_name


@pytest.fixture
def archive(tmp_path):
    """Return ``archive(*members)``: a zip with such members."""

    def write(*members):
        with ZipFile(tmp_path / "a.bin", "w") as file:
            for member in members:
                file.writestr(member, b"")
        return tmp_path / "a.bin"

    return write


@pytest.mark.parametrize(
    ("members", "kind"),
    [
        (("net/data.pkl", "net/constants.pkl", "net/code/__torch__.py"), "script"),
        (("code/__torch__.py",), "script"),
        (("net/archive_format", "net/models/model.json"), "exported"),
        (("serialized_exported_program.json",), "exported"),
        (("net/data.pkl", "net/data/0", "net/version"), None),
    ],
)
def test_a_program_is_told_by_the_names_in_its_archive(archive, members, kind):
    assert kind_of_program(archive(*members)) == kind


def test_what_is_no_archive_holds_no_program(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "a.pt2").write_bytes(b"PK\x03\x04 cut short")

    assert kind_of_program(tmp_path / "a.pt2") is None
    assert kind_of_program(tmp_path / "gone.pt2") is None
    assert kind_of_program(tmp_path / "pipe") is None
    assert kind_of_program(tmp_path) is None


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("module:factory", True),
        ("my.models.net:make_it", True),
        ("C:model", True),
        ("net.onnx", False),
        ("folder/module:factory", False),
        ("module:", False),
        ("my..models:make", False),
        ("1module:make", False),
    ],
)
def test_a_function_is_named_as_python_would(name, answer):
    assert is_function(Path(name)) is answer
    assert (kind_of_program(Path(name)) == "function") is answer


def test_a_file_of_such_a_name_is_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("module:factory").write_bytes(b"")

    assert not is_function(Path("module:factory"))
    refuse_function(Path("module:factory"))


def test_a_function_is_refused_with_the_flag_that_allows_it():
    with pytest.raises(ModelError, match=r"'my\.models:make'.*add --trust-code"):
        refuse_function(Path("my.models:make"))


@pytest.mark.parametrize(
    ("text", "name"),
    [("my.nets:make", "my.nets:make"), ("models/yolov8n.pt", "yolov8n"), (".hidden", ".hidden")],
)
def test_a_function_is_called_by_all_of_its_name(text, name):
    assert short_name(Path(text)) == name
