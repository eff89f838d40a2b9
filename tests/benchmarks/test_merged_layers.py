import sys
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit.graphs import graph_to_bytes
from edgekit.reparam.merge import merge_branches
from edgekit.values import Dataset, ImageRecord, Preprocess
from tests.networks import network

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

import merged_layers


def block():
    """A 3x3, a 1x1 and an identity branch behind a batch normalization, then a ReLU."""
    random = np.random.default_rng(0)
    return network(
        "g (float[1,3,8,8] x) => (float[1,3,8,8] y) { a=Conv<pads=[1,1,1,1]>(x,w3) b=Conv(x,w1)"
        " c=BatchNormalization(x,gamma,beta,mean,var) d=Add(a,b) e=Add(d,c) y=Relu(e) }",
        w3=random.normal(size=(3, 3, 3, 3)).astype(np.float32) / 10,
        w1=random.normal(size=(3, 3, 1, 1)).astype(np.float32) / 10,
        gamma=np.full(3, 4.0, np.float32),
        beta=np.zeros(3, np.float32),
        mean=np.zeros(3, np.float32),
        var=np.ones(3, np.float32),
    )


def scaled(factor):
    """A network that gives its input, through a ReLU, times ``factor``."""
    return network(
        "g (float[1,3,8,8] x) => (float[1,3,8,8] z) { y=Relu(x) y_dequantized=Mul(y,f)"
        " z=Relu(y_dequantized) }",
        f=np.float32(factor),
    )


@pytest.fixture
def scenes(tmp_path):
    records = []
    for number in range(2):
        pixels = np.random.default_rng(number).integers(0, 256, (8, 8, 3), np.uint8)
        path = tmp_path / f"{number}.png"
        cv2.imwrite(str(path), pixels)
        records.append(ImageRecord(number, path))
    return Dataset("noise", tuple(records))


@given(channels=st.integers(1, 5), weights=st.integers(1, 9), seed=st.integers(0, 2**32 - 1))
def test_the_shape_of_weights_is_that_of_a_second_formula(channels, weights, seed):
    rows = np.random.default_rng(seed).normal(size=(channels, weights))
    largest = [max(abs(w) for w in row) for row in rows]
    squares = [sum(w * w for w in row) / weights for row in rows]

    def db(scales):
        noise = sum(
            (w - s * round(w / s)) ** 2 for row, s in zip(rows, scales, strict=True) for w in row
        )
        return 10 * np.log10((rows**2).sum() / max(noise, 1e-30))

    shape = merged_layers.shape_of(rows)

    assert shape["peak"] == pytest.approx(max(largest), abs=1e-4)
    assert shape["spread"] == pytest.approx(max(largest) / np.median(largest), abs=1e-3)
    crests = [peak / rms**0.5 for peak, rms in zip(largest, squares, strict=True)]
    assert shape["crest"] == pytest.approx(np.median(crests), abs=1e-3)
    one_scale = [max(largest) / 127] * channels
    assert shape["sqnr_db"] == pytest.approx(db(one_scale), abs=0.02) or shape["sqnr_db"] > 250
    own_scale = [peak / 127 for peak in largest]
    many = shape["sqnr_per_channel_db"]
    assert many == pytest.approx(db(own_scale), abs=0.02) or many > 250


def test_a_merged_identity_is_one_large_weight_of_each_channel():
    merges = merge_branches(block())

    weights = merged_layers.weights_of(block(), merges.graph, merges.merged[0])

    kinds = {branch["op"]: branch for branch in weights["branches"]}
    assert set(kinds) == {"3x3", "1x1", "identity"}
    assert kinds["identity"] == {"op": "identity", "peak": pytest.approx(4.0, abs=1e-3)}
    assert weights["merged"]["crest"] > 1.5 * kinds["3x3"]["crest"]
    assert weights["merged"]["sqnr_per_channel_db"] < kinds["3x3"]["sqnr_per_channel_db"]


def test_a_tenth_too_much_is_twenty_decibels_of_noise(tmp_path, scenes):
    model = tmp_path / "quantized.onnx"
    model.write_bytes(graph_to_bytes(scaled(1.1)))
    candidate = SimpleNamespace(model=model, preprocess=Preprocess((8, 8)), input="float-nchw")

    found = merged_layers.noise_db(scaled(1.0), candidate, ["y"], scenes)

    assert found == {"y": pytest.approx(20.0, abs=1e-3)}


def test_the_noise_is_told_at_the_activation_behind_a_block(tmp_path, scenes):
    graph = block()
    merges = merge_branches(graph)
    model = tmp_path / "same.onnx"
    model.write_bytes(graph_to_bytes(graph))
    same = SimpleNamespace(model=model, preprocess=Preprocess((8, 8)), input="float-nchw")

    part = merged_layers.figures(graph, merges, {"same": same}, scenes)

    assert part["scenes"] == 2
    assert [b["block"] for b in part["blocks"]] == [merges.merged[0].node]
    assert part["blocks"][0]["sqnr_db"]["same"] > 100


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("y=Relu(x)", "y"),
        ("s=Sigmoid(x) y=Mul(x,s)", "y"),
        ("s=Sigmoid(x) y=Mul(s,x)", "y"),
        ("s=Relu(x) t=Sigmoid(x) y=Add(s,t)", "x"),
        ("s=Sigmoid(x) t=Mul(x,x) y=Add(s,t)", "x"),
    ],
)
def test_a_block_ends_at_its_activation(text, name):
    graph = network(f"g (float[1,3,8,8] x) => (float[1,3,8,8] y) {{ {text} }}")

    assert merged_layers.activated(graph, "x") == name


def test_a_value_is_read_behind_its_dequantize_node():
    values = {"a": None, "a_DequantizeLinear_Output": None, "b": None, "b_dequantized": None}

    assert merged_layers.encoded("a", values) == "a_DequantizeLinear_Output"
    assert merged_layers.encoded("b", values) == "b_dequantized"
    assert merged_layers.encoded("c", values) == "c"
