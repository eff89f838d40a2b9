import pickle

import numpy as np
import pytest

from edgekit.errors import ModelError
from edgekit.load.checkpoint.legacy import read_legacy
from tests.load.checkpoint.files import FLOATS, dict_of, legacy, plain, storage, tensor


def test_tensors_are_found_in_the_storages_behind_the_pickles():
    second = tensor((2, 2), (1, 2), kept=storage(key="1"))

    found = read_legacy(legacy(dict_of(a=tensor(), b=second), (FLOATS, FLOATS)))

    assert found["a"].tolist() == [1, 2, 3, 4]
    assert found["b"].tolist() == [[1, 3], [2, 4]]


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"text of some kind", "found a text file"),
        (pickle.dumps([1, 2], 2), "found a pickle of something else"),
        (pickle.dumps(1, 2), "found a pickle of something else"),
        (
            pickle.dumps(0x1950A86A20F9469CFC6C, 2) + pickle.dumps(1002, 2),
            "expected version 1001 of the old format",
        ),
        (b"\0" * 257 + b"ustar" + b"\0" * 300, "found the tar archive"),
        (legacy(tensor(kept=storage(key="9"))), "found storage '0' missing"),
        (legacy(tensor(), (FLOATS, FLOATS)), "found storage '1' missing"),
        (legacy(tensor(), ()), "found storage '0' missing"),
        (legacy(tensor(), (FLOATS[:8],)), "found storage '0' missing"),
        (legacy(tensor(kept=storage(numel=1 << 40))), "found storage '0' missing"),
        (legacy(tensor(kept=storage("QInt8Storage"))), r"found 'torch\.QInt8Storage'"),
        (legacy(tensor())[:-1], "found storage '0' missing, of another size, or cut short"),
    ],
)
def test_what_does_not_fit_together_is_refused(data, found):
    with pytest.raises(ModelError, match=found):
        read_legacy(data)


def test_keys_that_are_no_texts_are_refused():
    body = legacy(tensor(), ()).removesuffix(pickle.dumps([], 2))

    with pytest.raises(ModelError, match="expected the storages the checkpoint declares"):
        read_legacy(body + pickle.dumps([1], 2))


def test_one_storage_declared_in_two_types_is_refused():
    body = dict_of(a=tensor(), b=tensor((2,), kept=storage("DoubleStorage", numel=2)))

    with pytest.raises(ModelError, match="found storage '0'"):
        read_legacy(legacy(body))


def test_the_bytes_are_little_endian_whatever_the_system_was():
    head, _, rest = legacy(tensor()).partition(b"little_endian")
    big = head + b"little_endian" + rest.replace(b"\x88", b"\x89", 1)

    np.testing.assert_array_equal(read_legacy(big), [1, 2, 3, 4])


def test_plain_data_needs_no_storages():
    assert read_legacy(legacy(plain({"epoch": 3}), ())) == {"epoch": 3}
