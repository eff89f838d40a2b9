import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit.errors import ModelError
from edgekit.load.checkpoint.tensors import (
    is_possible,
    rebuild_parameter,
    rebuild_tensor,
    rebuild_typed_tensor,
)
from edgekit.load.checkpoint.values import Instance


def numbers(count: int = 24) -> np.ndarray:
    flat = np.arange(count, dtype=np.float32)
    flat.flags.writeable = False
    return flat


@given(
    shape=st.lists(st.integers(0, 4), max_size=3),
    strides=st.lists(st.integers(0, 5), min_size=3, max_size=3),
    offset=st.integers(0, 6),
)
def test_an_element_is_where_offset_and_strides_say_or_the_tensor_is_refused(
    shape, strides, offset
):
    steps, flat = strides[: len(shape)], numbers()
    places = {i: offset + int(np.dot(i, steps)) for i in np.ndindex(*shape)}

    try:
        array = rebuild_tensor(flat, offset, tuple(shape), tuple(steps))
    except ModelError:
        assert max(places.values()) >= len(flat)
        return

    assert array.shape == tuple(shape)
    assert all(array[i] == flat[place] for i, place in places.items())
    assert not array.flags.writeable


@pytest.mark.parametrize(
    ("offset", "shape", "strides"),
    [
        (0, (25,), (1,)),
        (24, (1,), (1,)),
        (0, (2, 2), (23, 1)),
        (1 << 47, (1,), (1,)),
        (0, (1 << 40, 1 << 40), (0, 0)),
        (0, (0, 1 << 40, 1 << 40), (1, 1, 1)),
    ],
)
def test_a_view_that_leaves_its_storage_is_refused(offset, shape, strides):
    with pytest.raises(ModelError, match="expected tensors inside their storages"):
        rebuild_tensor(numbers(), offset, shape, strides)


@pytest.mark.parametrize(
    ("storage", "offset", "shape", "strides"),
    [
        (numbers(), -1, (2,), (1,)),
        (numbers(), 2, (2,), (-1,)),
        (numbers(), 0, (-2,), (1,)),
        (numbers(), True, (2,), (1,)),
        (numbers(), 0.0, (2,), (1,)),
        (numbers(), 0, (2,), (1, 1)),
        (numbers(), 0, 2, (1,)),
        (numbers(), 0, (1,) * 33, (1,) * 33),
        (numbers(), 0, (1 << 60,), (0,)),
        (numbers().reshape(4, 6), 0, (2,), (1,)),
        ([1.0, 2.0], 0, (2,), (1,)),
    ],
)
def test_arguments_torch_would_never_write_are_malformed(storage, offset, shape, strides):
    with pytest.raises(TypeError):
        rebuild_tensor(storage, offset, shape, strides)


def test_a_tensor_of_a_type_of_its_own_reads_untyped_bytes():
    raw = np.frombuffer(np.array([1, 2, 65_535], np.uint16).tobytes(), np.uint8)
    kind = Instance("torch.uint16", {})

    array = rebuild_typed_tensor(raw, 1, (2,), (1,), False, None, kind)

    assert array.dtype == np.uint16
    assert array.tolist() == [2, 65_535]


@pytest.mark.parametrize("kind", [Instance("torch.float8_e4m3fn", {}), "torch.uint16", None])
def test_a_type_numpy_has_not_is_refused(kind):
    with pytest.raises(ModelError, match="expected tensors of a type NumPy has"):
        rebuild_typed_tensor(numbers().view(np.uint8), 0, (2,), (1,), False, None, kind)


def test_a_parameter_is_its_array_and_nothing_else():
    flat = numbers()

    assert rebuild_parameter(flat, True, None) is flat
    with pytest.raises(TypeError):
        rebuild_parameter("text")


def test_a_shape_is_possible_up_to_numpys_own_limits():
    assert all(map(is_possible, [(), (0, 5), (1,) * 32]))
    assert not is_possible((1,) * 33)
    assert not is_possible((0, 1 << 60))
