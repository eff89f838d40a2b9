from pathlib import Path

import numpy as np
import pytest

from edgekit.errors import ModelError
from edgekit.load.finite import refuse_not_finite
from tests.networks import network

FILE = Path("net.onnx")
TEXT = """g (float[1,4,6,6] x) => (y) {
    c = Conv(x, w, b) n = BatchNormalization(c, s, b, b, s) k = Clip(n, low, high) y = Add(k, mask)
}"""
WEIGHTS = {
    "w": np.ones((4, 4, 1, 1), np.float32),
    "b": np.zeros(4, np.float32),
    "s": np.ones(4, np.float32),
    "low": np.float32(0),
    "high": np.float32(6),
    "mask": np.zeros((1, 4, 1, 1), np.float32),
}


def with_value(name, number):
    changed = WEIGHTS[name].copy()
    changed.reshape(-1)[-1] = number
    return network(TEXT, **WEIGHTS | {name: changed})


@pytest.mark.parametrize(("name", "reader"), [("w", "Conv"), ("s", "Batch"), ("mask", "Add")])
def test_a_weight_that_is_no_number_is_told_by_name(name, reader):
    size = WEIGHTS[name].size

    with pytest.raises(ModelError, match=f"net.onnx.* 1 of {size} in '{name}'.*{reader}.*NaN"):
        refuse_not_finite(with_value(name, np.nan), FILE)


@pytest.mark.parametrize("number", [np.inf, -np.inf])
def test_an_infinite_weight_is_refused(number):
    with pytest.raises(ModelError, match="'w', read by the Conv 'Conv', that are infinite"):
        refuse_not_finite(with_value("w", number), FILE)


def test_an_infinite_bound_and_an_infinite_mask_are_meant():
    refuse_not_finite(with_value("high", np.inf), FILE)
    refuse_not_finite(with_value("mask", -np.inf), FILE)


def test_weights_that_are_numbers_pass():
    refuse_not_finite(network(TEXT, **WEIGHTS), FILE)
