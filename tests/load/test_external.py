import os

import numpy as np
import onnx
import pytest

from edgekit.errors import ModelError
from edgekit.load.external import read_external_data
from tests.networks import proto

W = np.arange(4, dtype=np.float32)


@pytest.fixture
def folder(tmp_path):
    """A folder with weights inside it, and a secret beside it."""
    (tmp_path / "secret.bin").write_bytes(W.tobytes())
    inside = tmp_path / "model"
    (inside / "sub").mkdir(parents=True)
    (inside / "w.bin").write_bytes(W.tobytes())
    (inside / "sub" / "w.bin").write_bytes(W.tobytes())
    return inside


def model_with_weights_in(location: str, **entries: int) -> onnx.ModelProto:
    model = proto("g (float[4] x) => (y) { y = Add(x, w) }", w=W)
    point_to(model.graph.initializer[0], location, **entries)
    return model


def point_to(tensor: onnx.TensorProto, location: str, **entries: int) -> None:
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    for key, value in {"location": location, **entries}.items():
        tensor.external_data.add(key=key, value=str(value))


@pytest.mark.parametrize("location", ["w.bin", "sub/w.bin", "./w.bin"])
def test_weights_inside_the_folder_are_read(folder, location):
    model = model_with_weights_in(location)
    (file,) = read_external_data(model, folder / "m.onnx")
    assert file == (folder / location).resolve()
    np.testing.assert_array_equal(onnx.numpy_helper.to_array(model.graph.initializer[0]), W)


def test_a_model_without_external_weights_reads_no_file(folder):
    assert read_external_data(proto("g (float[4] x) => (y) { y = Relu(x) }"), folder / "m") == ()


@pytest.mark.parametrize(
    "location",
    ["../secret.bin", "sub/../../secret.bin", "sub/../w.bin", "..\\secret.bin", "C:\\secret.bin"],
)
def test_a_path_that_climbs_or_names_a_drive_is_refused(folder, location):
    with pytest.raises(ModelError, match=r"weights of 'w'.*found a path that leaves it"):
        read_external_data(model_with_weights_in(location), folder / "m.onnx")


def test_an_absolute_path_is_refused_even_into_the_folder(folder):
    with pytest.raises(ModelError, match="found a path that leaves it"):
        read_external_data(model_with_weights_in(str(folder / "w.bin")), folder / "m.onnx")


@pytest.mark.skipif(os.name == "nt", reason="symbolic links need rights on Windows")
def test_a_symbolic_link_out_of_the_folder_is_refused(folder):
    (folder / "link.bin").symlink_to(folder.parent / "secret.bin")
    (folder / "out").symlink_to(folder.parent)
    for location in ("link.bin", "out/secret.bin"):
        with pytest.raises(ModelError, match="found a path that leaves it"):
            read_external_data(model_with_weights_in(location), folder / "m.onnx")


def test_no_file_is_opened_when_one_of_several_is_refused(folder, monkeypatch):
    model = proto("g (float[4] x) => (y) { a = Add(x, v) y = Add(a, w) }", v=W, w=W)
    point_to(model.graph.initializer[0], "w.bin")
    point_to(model.graph.initializer[1], "../secret.bin")
    opened = []
    monkeypatch.setattr("builtins.open", lambda *args, **_: opened.append(args))
    monkeypatch.setattr("os.open", lambda *args, **_: opened.append(args))
    with pytest.raises(ModelError, match="weights of 'w'"):
        read_external_data(model, folder / "m.onnx")
    assert opened == []


def test_weights_of_constants_in_branches_and_functions_are_checked_too(folder):
    model = onnx.parser.parse_model(
        """<ir_version: 8, opset_import: ["" : 17, "local" : 1]>
        g (bool c, float[4] x) => (y) {
          y = If(c) <then_branch = t () => (a) { a = Constant<value = float[4] {1,2,3,4}>() },
                     else_branch = e () => (b) { b = local.F(x) }> }
        <domain: "local", opset_import: ["" : 17]>
        F (p) => (q) { k = Constant<value = float[4] {1,2,3,4}>() q = Add(p, k) }"""
    )
    branch = model.graph.node[0].attribute[0].g.node[0].attribute[0].t
    function = model.functions[0].node[0].attribute[0].t
    for tensor in (branch, function):
        hostile = onnx.ModelProto.FromString(model.SerializeToString())
        tensor.name = "k"
        kept = tensor.SerializeToString()
        tensor.ClearField("float_data")
        point_to(tensor, "../secret.bin")
        with pytest.raises(ModelError, match="found a path that leaves it"):
            read_external_data(model, folder / "m.onnx")
        tensor.ParseFromString(kept)
        assert read_external_data(hostile, folder / "m.onnx") == ()


def test_a_missing_file_is_named(folder):
    with pytest.raises(ModelError, match=r"'gone.bin': expected that file beside the model"):
        read_external_data(model_with_weights_in("gone.bin"), folder / "m.onnx")


def test_a_folder_is_no_file(folder):
    with pytest.raises(ModelError, match="found none"):
        read_external_data(model_with_weights_in("sub"), folder / "m.onnx")


def test_a_file_that_is_too_short_is_named_with_both_sizes(folder):
    with pytest.raises(ModelError, match=r"end at byte 24 of 'w.bin', found 16 bytes"):
        read_external_data(model_with_weights_in("w.bin", offset=8, length=16), folder / "m.onnx")
