import pickle

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper
from safetensors.numpy import save

from edgekit.load.content import ONNX, PICKLE, SAFETENSORS, ZIP, kind_of_content


def an_onnx(version, producer):
    values = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1]) for n in "xy"]
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", values[:1], values[1:])
    model = helper.make_model(graph, ir_version=version, producer_name=producer)
    return model.SerializeToString()


@pytest.mark.parametrize("version", [4, 8, 10])
@pytest.mark.parametrize("producer", ["", "pytorch"])
def test_an_onnx_model_is_known(version, producer):
    data = an_onnx(version, producer)

    assert onnx.ModelProto.FromString(data).ir_version == version
    assert kind_of_content(data) is ONNX


@pytest.mark.parametrize("count", [1, 2, 40])
def test_safetensors_are_known_whatever_the_size_of_their_table(count):
    arrays = {f"a{place}.weight": np.zeros(3, np.float32) for place in range(count)}

    assert kind_of_content(save(arrays)) is SAFETENSORS


def test_a_table_whose_size_begins_as_a_pickle_does_is_one_of_safetensors():
    start = (0x0280).to_bytes(8, "little") + b'{"a":'

    assert kind_of_content(start) is SAFETENSORS


@pytest.mark.parametrize(("as_zip", "kind"), [(True, ZIP), (False, PICKLE)])
def test_what_torch_saves_is_known(as_zip, kind, tmp_path):
    file = tmp_path / "a"
    torch.save({"a": torch.ones(2)}, file, _use_new_zipfile_serialization=as_zip)

    assert kind_of_content(file.read_bytes()) is kind


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_what_torch_before_1_6_saves_is_known_by_any_protocol(protocol, tmp_path):
    file = tmp_path / "a"
    torch.save({"a": 1}, file, pickle_protocol=protocol, _use_new_zipfile_serialization=False)

    assert kind_of_content(file.read_bytes()) is PICKLE


@pytest.mark.parametrize(
    "data", [b"", b"\x08", b"\x08\x00\x12", b"[net]\nwidth=64", b"<html>", pickle.dumps(1, 1)]
)
def test_other_bytes_are_none_of_them(data):
    assert kind_of_content(data) is None


def test_the_remedy_names_the_suffix():
    assert SAFETENSORS.remedy == "Rename it to end in .safetensors."
