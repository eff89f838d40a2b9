import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from edgekit.errors import ModelError
from edgekit.load.checkpoint.safetensors import read_tensors
from tests.load.checkpoint.files import FLOATS, tensors_file

ONE = {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}
TYPES = ["?", "u1", "i1", "i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4", "f8"]


@given(
    st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
        hnp.arrays(st.sampled_from(TYPES), hnp.array_shapes(min_dims=0, min_side=0)),
        max_size=4,
    )
)
def test_tensors_are_those_that_were_saved(tensors):
    tensors.pop("__metadata__", None)

    found = read_tensors(safetensors.numpy.save(tensors, {"format": "pt"}))

    assert found.keys() == tensors.keys()
    for name, array in tensors.items():
        assert (found[name].dtype, found[name].shape) == (array.dtype, array.shape)
        np.testing.assert_array_equal(found[name], array)
        assert not found[name].flags.writeable


def test_bfloat16_becomes_float32():
    table = {"a": {"dtype": "BF16", "shape": [2], "data_offsets": [0, 4]}}

    array = read_tensors(tensors_file(table, b"\x80\x3f\x40\xc0"))["a"]

    assert array.dtype == np.float32
    assert array.tolist() == [1, -3]


@pytest.mark.parametrize(
    ("table", "found"),
    [
        ({"a": ONE | {"dtype": "F8_E4M3"}}, "found 'a' of 'F8_E4M3'"),
        ({"a": ONE | {"shape": [5]}}, "'a' of another size than its shape"),
        ({"a": ONE | {"shape": [-4]}}, "'a' of an impossible shape"),
        ({"a": ONE | {"shape": [True, 4]}}, "'a' of an impossible shape"),
        ({"a": ONE | {"shape": [1 << 40, 1 << 40]}}, "'a' of an impossible shape"),
        ({"a": ONE | {"shape": [1] * 33}}, "'a' of an impossible shape"),
        ({"a": ONE | {"data_offsets": [16, 0]}}, "'a' of another size"),
        ({"a": ONE | {"data_offsets": [-16, 0]}}, "'a' of another size"),
        ({"a": ONE | {"data_offsets": [1 << 60, (1 << 60) + 16]}}, "'a' of another size"),
        ({"a": ONE | {"data_offsets": [0, 16, 32]}}, "'a' without type, shape or place"),
        ({"a": {"dtype": "F32"}}, "'a' without type, shape or place"),
        ({"a": 5}, "'a' without type, shape or place"),
        ({"a": ONE, "b": ONE}, "tensors that overlap, or bytes that belong to none"),
        ({"a": ONE | {"shape": [2], "data_offsets": [8, 16]}}, "bytes that belong to none"),
        ({"a": ONE | {"shape": [2], "data_offsets": [0, 8]}}, "bytes that belong to none"),
        ({}, "bytes that belong to none"),
        ([], "a table that is no JSON object"),
        (b"{}{}", "a table that is no JSON"),
        (b'{"a": 1, "a": 2}', "a name twice"),
        (b'{"a": ' + b"[" * 100_000, "a table that is no JSON"),
        (b'{"a": ' + b"9" * 5000 + b"}", "a table that is no JSON"),
        (b"\xff\xfe", "a table that is no JSON"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(table, found):
    with pytest.raises(ModelError, match=found):
        read_tensors(tensors_file(table))


WHOLE = tensors_file({"a": ONE})


@pytest.mark.parametrize("cut", range(0, len(WHOLE), 5))
def test_a_file_cut_anywhere_is_refused(cut):
    with pytest.raises(ModelError, match="expected a whole safetensors file"):
        read_tensors(WHOLE[:cut])


@pytest.mark.parametrize("size", [0, 1, (4 << 20) + 1, 1 << 63, (1 << 64) - 1])
def test_a_table_of_an_impossible_size_is_refused(size):
    with pytest.raises(ModelError, match="no table of its tensors at its start"):
        read_tensors(size.to_bytes(8, "little") + FLOATS)
