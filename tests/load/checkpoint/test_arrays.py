import pickle

import numpy as np
import pytest

from edgekit.errors import ModelError
from edgekit.load.checkpoint.arrays import array_of_buffer, array_of_state, scalar
from edgekit.load.checkpoint.machine import read_pickle
from edgekit.load.checkpoint.resolve import Resolver
from edgekit.load.checkpoint.values import Instance


def dtype(code: str, *state) -> Instance:
    return Instance("numpy.dtype", {"__state__": state} if state else {}, (code, False, True))


def read(data: bytes):
    pickle_read = read_pickle(memoryview(data), 0, lambda _: True)
    return Resolver(lambda _: pytest.fail("no storages here"), 1000).resolve(pickle_read.root)


ARRAYS = [
    np.arange(6.0).reshape(2, 3),
    np.asfortranarray(np.arange(6, dtype=np.int16).reshape(2, 3)),
    np.array([1, 2], ">f4"),
    np.array(["ab", "ü"]),
    np.array([b"ab"]),
    np.array([1 + 2j]),
    np.array([True, False]),
    np.zeros((0, 3), np.float32),
    np.array(5),
    np.arange(10)[::3],
]


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("array", ARRAYS, ids=lambda array: array.dtype.str)
def test_an_array_is_what_numpy_saved(array, protocol):
    found = read(pickle.dumps(array, protocol))

    assert found.dtype == array.dtype.newbyteorder("=")
    np.testing.assert_array_equal(found, array)


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize(
    "value", [np.float32(1.5), np.float64(-2), np.int64(7), np.bool_(True), np.str_("ab")]
)
def test_a_scalar_is_the_plain_number(value, protocol):
    found = read(pickle.dumps(value, protocol))

    assert found == value.item()
    assert type(found) is type(value.item())


@pytest.mark.parametrize("code", ["O", "O8", "V8", "M8[s]", "f4,O", "i4\n", "object"])
def test_arrays_of_objects_are_refused_by_name(code):
    with pytest.raises(ModelError, match="expected arrays of numbers or text"):
        scalar(dtype(code), b"12345678")


@pytest.mark.parametrize(
    ("kind", "raw"),
    [
        (dtype("f4"), b"123"),
        (dtype("f4"), 5),
        (dtype("f9999"), b"1234"),
        (dtype("U0"), b""),
        (dtype("U1"), b"\xff" * 4),
        (Instance("numpy.dtype", {}), b"1234"),
        ("f4", b"1234"),
    ],
)
def test_a_malformed_scalar_is_malformed(kind, raw):
    with pytest.raises((TypeError, ValueError)):
        scalar(kind, raw)


@pytest.mark.parametrize(
    "state",
    [
        None,
        (1, 2),
        (1, (2,), dtype("f4"), False, b"1234"),
        (1, (-1,), dtype("f4"), False, b"1234"),
        (1, (True,), dtype("f4"), False, b"1234"),
        (1, 1, dtype("f4"), False, b"1234"),
        (1, (1 << 62,) * 3, dtype("f4"), False, b"1234"),
        (1, (1,) * 40, dtype("f4"), False, b"1234"),
    ],
)
def test_a_malformed_array_is_malformed(state):
    with pytest.raises(TypeError):
        array_of_state(state)


def test_a_type_says_its_byte_order():
    array = array_of_buffer(b"\x00\x01", dtype("i2", 3, ">", None), (1,), "C")

    assert array.tolist() == [1]
    assert array.dtype == np.int16
