import os
import shutil
from pathlib import Path

import onnx
import pytest

from edgekit.errors import ConfigError, ModelError, StageError
from edgekit.export import torch_onnx
from edgekit.load.metadata import read_metadata
from edgekit.pipeline import exports as stage
from edgekit.pipeline import kept as kept_files
from edgekit.pipeline.options import ModelOptions
from edgekit.pipeline.prepare import prepare
from tests.pipeline.checkpoints import exported, write, yolov8


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("exports")


@pytest.fixture(scope="module")
def whole(folder):
    """A whole model, trained at 60, which is no multiple of its strides."""
    return write(folder / "mine.pt", {"model": yolov8(), "train_args": {"imgsz": 60}})


@pytest.fixture(scope="module")
def options(folder):
    return ModelOptions(cache=folder / "cache")


@pytest.fixture(scope="module")
def kept(whole, options):
    return exported(whole, options)


@pytest.fixture
def counted(monkeypatch, kept):
    """Exports made after the first, by the model's path."""
    made, export = [], stage._export

    def counting(origin, *others):
        made.append(origin.path)
        return export(origin, *others)

    monkeypatch.setattr(stage, "_export", counting)
    return made


def test_an_export_is_kept_whatever_the_checkpoint_is_called(
    whole, options, kept, counted, tmp_path
):
    other = shutil.copy(whole, tmp_path / "copy.pth")

    assert exported(other, options) == exported(whole, options) == kept
    assert counted == []


def test_an_export_that_was_cut_short_is_made_again(whole, options, counted):
    file = exported(whole, options)
    data = file.read_bytes()
    file.write_bytes(data[: len(data) // 2])

    assert exported(whole, options) == file
    assert (file.read_bytes(), counted) == (data, [whole])


def test_old_exports_go_when_one_is_added_but_not_the_one_in_use(whole, tmp_path, monkeypatch):
    monkeypatch.setattr(kept_files, "NEWEST", 1)
    first, second, third = (
        ModelOptions(input_hw=(32, side), cache=tmp_path) for side in (32, 48, 64)
    )
    used, unused = exported(whole, first), exported(whole, second)
    for file in (used, unused):
        os.utime(file, (0, 0))

    exported(whole, first)
    new = exported(whole, third)

    assert set(tmp_path.iterdir()) == {used, new}


def test_another_size_is_another_export(whole, options):
    wide = ModelOptions(input_hw=(32, 64), cache=options.cache)

    file = exported(whole, wide)

    assert file != exported(whole, options)
    assert read_metadata(onnx.load(file)).size_hw == (32, 64)


def test_a_size_between_strides_is_refused(whole, options):
    with pytest.raises(ModelError, match=r"at 32 x 40: expected sides that are .* 16"):
        exported(whole, ModelOptions(input_hw=(32, 40), cache=options.cache))


def test_a_cache_that_cannot_be_written_is_told(whole, options, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    graph = onnx.load(exported(whole, options))
    monkeypatch.setattr(stage, "_export", lambda *_: graph)
    monkeypatch.setattr(stage, "graph_to_bytes", lambda proto: proto.SerializeToString())

    with pytest.raises(ConfigError, match="Set EDGEKIT_CACHE"):
        exported(whole, ModelOptions(cache=tmp_path / "file" / "cache"))


def test_an_export_that_onnx_refuses_is_not_kept(whole, options, monkeypatch, tmp_path):
    model = onnx.load(exported(whole, options))
    model.graph.node[0].op_type = "Unheard"
    monkeypatch.setattr(stage, "_export", lambda *_: model)
    monkeypatch.setattr(stage, "graph_to_bytes", lambda proto: proto.SerializeToString())

    with pytest.raises(StageError, match=r"the ONNX export of the model, was not .*Unheard"):
        exported(whole, ModelOptions(cache=tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_the_name_of_a_function_is_no_model():
    with pytest.raises(ModelError, match=r"'my\.models:make'.*runs no code"):
        prepare(Path("my.models:make"), ModelOptions())


def test_the_code_that_exports_is_part_of_the_key(whole, options, monkeypatch):
    before = stage._key("0", options)
    monkeypatch.setattr(stage, "_code_sha256", lambda: "other")

    assert stage._key("0", options) != before
    assert torch_onnx.__file__.endswith("export/torch_onnx.py")
