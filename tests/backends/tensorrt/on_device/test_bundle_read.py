import json

import pytest

from edgekit.backends.tensorrt.on_device.bundle_read import (
    chosen,
    commands_for,
    entry_for,
    inputs_of,
    read_bundle,
)
from edgekit.backends.tensorrt.on_device.problems import BadBundle, Missing
from edgekit.backends.tensorrt.trtexec import table
from edgekit.backends.tensorrt.versions import entry_of
from edgekit.errors import ConfigError
from tests.backends.tensorrt.boards import put_bundle

MODELS = {"models": {"int8": {"weak": "a", "strong": "b"}, "fp16": {"weak": "c"}}}


def test_a_bundle_as_it_was_written_is_read(tmp_path):
    manifest = read_bundle(put_bundle(tmp_path))

    assert set(manifest["models"]) == {"int8", "fp16"}
    assert [(one["name"], one["stem"]) for one in inputs_of(tmp_path, manifest)] == [
        ("images", "one")
    ]


def test_a_bundle_without_inputs_has_none(tmp_path):
    assert inputs_of(tmp_path, {"inputs": None}) == []


@pytest.mark.parametrize("name", ["models/int8-weak.onnx", "on_device/main.py", "versions.json"])
def test_a_changed_or_missing_file_is_named(tmp_path, name):
    path = put_bundle(tmp_path) / name
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(BadBundle, match=rf"{name} was changed: expected SHA.* Copy the bundle"):
        read_bundle(tmp_path)

    path.unlink()
    with pytest.raises(BadBundle, match=f"{name} is missing"):
        read_bundle(tmp_path)


def test_a_damaged_or_foreign_manifest_is_refused(tmp_path):
    put_bundle(tmp_path)
    (tmp_path / "bundle.json").write_text('{"schema": 7, "files": {}}')
    with pytest.raises(BadBundle, match="expected schema 1, found 7"):
        read_bundle(tmp_path)

    (tmp_path / "bundle.json").write_text("{")
    with pytest.raises(BadBundle, match="missing or damaged"):
        read_bundle(tmp_path)


@pytest.mark.parametrize("version", ["8.5.2", "8.6.2", "10.3.0", "10.13.3", "10.16.2", "11.4.1"])
def test_the_row_is_the_one_edgekit_takes(version):
    row = entry_for(json.loads(json.dumps(table())), version)

    assert row["name"] == entry_of(version).name


@pytest.mark.parametrize("version", ["8.2.1", "8.4.1", "9.0.0", "12.0.0"])
def test_a_version_without_a_row_is_refused_as_edgekit_refuses_it(version):
    with pytest.raises(ConfigError):
        entry_of(version)
    with pytest.raises(Missing, match=rf"TensorRT {version} .* from 8\.5 to 11\.4"):
        entry_for(table(), version)


def test_jetpack_4_is_told_why():
    with pytest.raises(Missing, match=r"JetPack 4\.6: it ends at TensorRT 8\.2"):
        entry_for(table(), "8.2.1")


def test_files_are_chosen_by_typing_and_name():
    assert chosen(MODELS, "weak", None) == {"int8": "a", "fp16": "c"}
    assert chosen(MODELS, "strong", "int8") == {"int8": "b"}


@pytest.mark.parametrize("wanted", ["fp16", "int4", "int8,fp16"])
def test_what_the_bundle_has_no_file_of_is_refused(wanted):
    with pytest.raises(BadBundle, match=r"strongly typed networks\. It has: int8\."):
        chosen(MODELS, "strong", wanted)


def test_the_accelerator_is_refused_where_the_table_has_no_commands():
    rows = {row["name"]: row for row in table()["versions"]}

    assert "--useDLACore={dla_core}" in commands_for(rows["8.6"], "fp16", 0)["build"]
    assert "--useDLACore={dla_core}" not in commands_for(rows["8.6"], "fp16", None)["build"]
    with pytest.raises(BadBundle, match=r"takes fp16 of this bundle, not int8"):
        commands_for(rows["8.6"], "int8", 0)
    with pytest.raises(BadBundle, match="takes nothing"):
        commands_for(rows["10.12 to 10.16"], "fp16", 0)
