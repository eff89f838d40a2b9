import numpy as np
import pytest

from edgekit.errors import ModelError
from edgekit.load.checkpoint.nodes import Global, Persistent
from edgekit.load.checkpoint.storages import (
    BFLOAT16,
    StorageId,
    Storages,
    flat_array,
    item_size,
    storage_id,
)

FLOAT = Global("torch", "FloatStorage")


def reference(kind=FLOAT, key="0", numel=2, *view) -> Persistent:
    return Persistent(("storage", kind, key, "cpu", numel, *view))


def storages(**raw: bytes) -> Storages:
    return Storages(lambda wanted: memoryview(raw[wanted.key]))


def test_a_reference_says_name_type_and_size():
    found = storage_id(reference())

    assert found == StorageId("0", "f4", 2)
    assert found.nbytes == 8


@pytest.mark.parametrize("module", ["torch", "torch.cuda", "torch.storage"])
def test_a_storage_of_a_gpu_is_a_storage(module):
    assert storage_id(reference(Global(module, "HalfStorage"))).dtype == "f2"


@pytest.mark.parametrize("kind", [Global("torch", "QInt8Storage"), Global("os", "FloatStorage"), 3])
def test_a_storage_of_another_type_is_refused_by_name(kind):
    with pytest.raises(ModelError, match=r"expected storages of .*FloatStorage.*found"):
        storage_id(reference(kind))


@pytest.mark.parametrize(
    "ref",
    [
        Persistent("storage"),
        Persistent(("storage", FLOAT)),
        reference(key=5),
        reference(key="k" * 65),
        reference(numel=-1),
        reference(numel=1 << 60),
        reference(numel=True),
        reference(FLOAT, "0", 2, ("view", -1, 2)),
        reference(FLOAT, "0", 2, "view"),
    ],
)
def test_a_malformed_reference_is_refused(ref):
    with pytest.raises(ModelError, match="named by type, key, place and size"):
        storage_id(ref)


def test_a_storage_is_made_once_and_read_only():
    kept = storages(**{"0": np.float32([1, 2]).tobytes()})

    first, again = kept.load(reference()), kept.load(reference())

    assert first is again
    assert first.tolist() == [1, 2]
    assert not first.flags.writeable


def test_a_part_of_a_storage_is_that_part():
    kept = storages(**{"0": np.float32([1, 2]).tobytes()})

    assert kept.load(reference(FLOAT, "0", 2, ("view", 1, 1))).tolist() == [2]
    with pytest.raises(ModelError, match="another reference"):
        kept.load(reference(FLOAT, "0", 2, ("view", 1, 2)))


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "i1", "u1", "i2", "i4", "i8", "c8", "c16"])
def test_bytes_become_numbers_in_either_order(dtype, order):
    values = np.array([1, 2, 100], np.dtype(dtype).newbyteorder(order))

    array = flat_array(memoryview(values.tobytes()), dtype, order)

    assert array.dtype == np.dtype(dtype)
    np.testing.assert_array_equal(array, values)


@pytest.mark.parametrize(("order", "raw"), [("<", b"\x80\x3f\x40\xc0"), (">", b"\x3f\x80\xc0\x40")])
def test_bfloat16_is_the_upper_half_of_a_float(order, raw):
    array = flat_array(memoryview(raw), BFLOAT16, order)

    assert array.dtype == np.float32
    assert array.tolist() == [1.0, -3.0]
    assert item_size(BFLOAT16) == 2


def test_any_byte_but_zero_is_true():
    assert flat_array(memoryview(b"\x00\x01\x07"), "?").tolist() == [False, True, True]


def test_bytes_off_their_natural_place_are_copied():
    array = flat_array(memoryview(b"x" + np.float32([3]).tobytes())[1:], "f4")

    assert array.flags.aligned
    assert array.tolist() == [3]
