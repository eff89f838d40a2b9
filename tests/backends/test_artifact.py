import hashlib
import json

import pytest

from edgekit.backends.artifact import MANIFEST, Manifest, is_artifact, read_artifact, write_artifact
from edgekit.errors import ConfigError
from edgekit.heads.spec import DecodedHead, NmsOptions, Part, View
from edgekit.values import Preprocess

MODEL = b"the bytes of a model"
PART = Part(
    boxes=View(output="y", axis=1, columns=(0, 4)), scores=View(output="y", axis=1, columns=(4, 6))
)
WRITTEN = Manifest(
    edgekit="0.1.0",
    file="model.onnx",
    sha256=hashlib.sha256(MODEL).hexdigest(),
    backend="onnxruntime",
    precision="int8",
    weight_rule="narrow",
    input="u8-nhwc",
    preprocess=Preprocess((480, 640), mean=(1.5, 2.0, 3.0), resize="stretch"),
    head=DecodedHead(input_hw=(480, 640), classes=2, parts=(PART,)),
    nms=NmsOptions(iou=0.6),
    class_names=("cat", "Hündin"),
    source_sha256="of the original",
)


@pytest.fixture
def artifact(tmp_path):
    folder = tmp_path / "artifact"
    folder.mkdir()
    model = tmp_path / "made.onnx"
    model.write_bytes(MODEL)
    write_artifact(folder, model, WRITTEN)
    return folder


def test_weights_in_a_file_of_their_own_are_part_of_it(tmp_path):
    folder, model = tmp_path / "artifact", tmp_path / "made.xml"
    folder.mkdir()
    model.write_bytes(MODEL)
    model.with_suffix(".bin").write_bytes(b"weights")
    names = {"file": "model.xml", "weights_file": "model.bin", "backend": "openvino"}
    told = {**names, "weights_sha256": hashlib.sha256(b"weights").hexdigest()}

    write_artifact(folder, model, WRITTEN.model_copy(update=told))

    assert read_artifact(folder)[1] == folder / "model.xml"
    assert (folder / "model.bin").read_bytes() == b"weights"
    (folder / "model.bin").write_bytes(b"others")
    with pytest.raises(ConfigError, match=r"model\.bin: expected the model the manifest names"):
        read_artifact(folder)


def test_an_artifact_is_read_as_it_was_written(artifact):
    manifest, model = read_artifact(artifact)

    assert manifest == WRITTEN
    assert isinstance(manifest.head, DecodedHead)
    assert manifest.preprocess.mean == (1.5, 2.0, 3.0)
    assert model.read_bytes() == MODEL


def test_the_folder_of_a_conversion_will_do(artifact):
    assert read_artifact(artifact.parent) == read_artifact(artifact)
    assert is_artifact(artifact.parent)
    assert is_artifact(artifact)


def test_the_manifest_names_its_schema(artifact):
    assert json.loads((artifact / MANIFEST).read_text(encoding="utf-8"))["schema"] == 1


@pytest.mark.parametrize("name", ["nothing", "nothing/there"])
def test_a_place_without_a_manifest_is_no_artifact(tmp_path, name):
    assert not is_artifact(tmp_path / name)
    with pytest.raises(ConfigError, match=r"expected an artifact.*found none.*edgekit convert"):
        read_artifact(tmp_path / name)


def test_another_model_file_than_the_one_written_is_refused(artifact):
    (artifact / "model.onnx").write_bytes(MODEL + b"!")

    with pytest.raises(ConfigError, match=r"model\.onnx: expected the model the manifest names"):
        read_artifact(artifact)


def test_a_missing_model_file_is_refused(artifact):
    (artifact / "model.onnx").unlink()

    with pytest.raises(ConfigError, match="found no file"):
        read_artifact(artifact)


@pytest.mark.parametrize(
    "text",
    [b"", b"not json", b"\xff\xfe", b"{}", b'{"schema": 2}', b"[]"],
)
def test_a_manifest_that_is_none_is_refused(artifact, text):
    (artifact / MANIFEST).write_bytes(text)

    with pytest.raises(ConfigError, match=r"manifest\.json is not a manifest"):
        read_artifact(artifact)


@pytest.mark.parametrize("change", [{"schema": 2}, {"extra": 1}, {"backend": "abacus"}])
def test_a_manifest_of_another_kind_is_refused(artifact, change):
    known = json.loads((artifact / MANIFEST).read_text(encoding="utf-8"))
    (artifact / MANIFEST).write_text(json.dumps({**known, **change}), encoding="utf-8")

    with pytest.raises(ConfigError, match=next(iter(change))):
        read_artifact(artifact)
