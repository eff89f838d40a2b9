import hashlib

import numpy as np
import onnx
import pytest

from edgekit.errors import ModelError
from edgekit.load.protobuf import read_onnx
from tests.networks import proto

MODEL = proto("g (float[1,3,8,8] x) => (y) { y = Relu(x) }")


def test_a_model_is_read_with_the_hash_of_its_bytes(tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(MODEL.SerializeToString())
    file = read_onnx(path)
    assert file.proto == MODEL
    assert file.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_standard_operators_are_read_under_their_one_name(tmp_path):
    model = onnx.ModelProto.FromString(MODEL.SerializeToString())
    model.opset_import[0].domain = model.graph.node[0].domain = "ai.onnx"
    path = tmp_path / "model.onnx"
    path.write_bytes(model.SerializeToString())
    assert read_onnx(path).proto == MODEL


def test_the_hash_covers_external_weights(tmp_path):
    model = proto("g (float[4] x) => (y) { y = Add(x, w) }", w=np.ones(4, np.float32))
    path = tmp_path / "model.onnx"
    onnx.save(model, path, save_as_external_data=True, location="w.bin", size_threshold=0)
    before = read_onnx(path).sha256
    weights = tmp_path / "w.bin"
    weights.write_bytes(weights.read_bytes()[::-1])
    assert read_onnx(path).sha256 != before


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"", "found 0 bytes"),
        (b"hello, I am no model\n", "a text file"),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
            "Git LFS pointer.*lfs pull",
        ),
        (b"PK\x03\x04 archive", "zip archive.*Rename it to end in .pt"),
        (b"<!DOCTYPE html><html>404</html>", "web page"),
        (bytes(range(256)) * 4, r"no ONNX model \(1024 bytes\)"),
        (MODEL.SerializeToString()[:40], r"end too early.*\(40 bytes\)"),
        (onnx.ModelProto(ir_version=8).SerializeToString(), "no ONNX model"),
    ],
    ids=["empty", "text", "lfs", "zip", "html", "noise", "truncated", "no graph"],
)
def test_what_is_no_onnx_model_is_named_for_what_it_seems_to_be(tmp_path, data, found):
    path = tmp_path / "model.onnx"
    path.write_bytes(data)
    with pytest.raises(ModelError, match=rf"(?s)model\.onnx': expected an ONNX file.*{found}"):
        read_onnx(path)


def test_a_missing_file_and_a_folder_are_told_apart(tmp_path):
    with pytest.raises(ModelError, match="found nothing there"):
        read_onnx(tmp_path / "no.onnx")
    with pytest.raises(ModelError, match="found a folder"):
        read_onnx(tmp_path)


def test_a_path_through_a_file_says_what_the_system_says(tmp_path):
    (tmp_path / "file").write_bytes(b"x")
    with pytest.raises(ModelError, match="Not a directory"):
        read_onnx(tmp_path / "file" / "model.onnx")


@pytest.mark.data
@pytest.mark.parametrize("part", [0.1, 0.5, 0.999])
def test_a_real_model_cut_short_is_refused(data_dir, tmp_path, part):
    data = (data_dir / "models" / "yolox_nano_kazuhito.onnx").read_bytes()
    path = tmp_path / "short.onnx"
    path.write_bytes(data[: int(len(data) * part)])
    with pytest.raises(ModelError, match="end too early"):
        read_onnx(path)
