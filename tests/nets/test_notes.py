import numpy as np
import pytest

from edgekit.load.checkpoint.storages import flat_array
from edgekit.nets.notes import notes_of_names, notes_of_precision

HALF, BRAIN = (
    f"{kind} weights are computed in float32." for kind in ("Half-precision", "bfloat16")
)


@pytest.mark.parametrize(
    ("types", "notes"),
    [
        ((), ()),
        (("f4", "f8", "?"), ()),
        (("f4", "f2", "f2"), (HALF,)),
        (("bfloat16", "f4"), (BRAIN,)),
        (("bfloat16", "f2"), (HALF, BRAIN)),
    ],
)
def test_what_was_stored_in_two_bytes_is_told(types, notes):
    arrays = [flat_array(memoryview(bytes(16)), kind).reshape(2, -1) for kind in types]

    assert notes_of_precision(arrays) == notes


def test_a_float32_that_bfloat16_could_hold_is_not_taken_for_one():
    assert notes_of_precision([np.ones(3, np.float32)]) == ()


@pytest.mark.parametrize(("names", "is_told"), [((), False), (("a", "b"), False), (("a",), True)])
def test_names_that_do_not_fit_the_head_are_told(names, is_told):
    notes = notes_of_names(names, 2)

    assert bool(notes) is is_told
    assert all("left out: it has 1, and the head tells 2" in note for note in notes)
