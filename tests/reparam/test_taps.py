import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit.reparam.taps import Taps, taps_of
from tests.networks import network


@st.composite
def taps(draw, stride: int, outputs: int) -> Taps:
    """Any kernel that gives ``outputs`` over an image of ``outputs * stride``."""
    count = draw(st.integers(1, 5))
    step = draw(st.integers(1, 3)) if count > 1 else 0
    before = draw(st.integers(0, step * (count - 1)))
    return Taps(stride, outputs, -before, step, count, step * (count - 1) - before)


def reads(kernel: Taps) -> set[int]:
    return {kernel.first + kernel.step * j for j in range(kernel.count)}


@given(data=st.data(), stride=st.integers(1, 3), outputs=st.integers(1, 9))
def test_a_union_reads_what_both_read_on_the_widest_grid_and_gives_as_many_outputs(
    data, stride, outputs
):
    one, two = data.draw(taps(stride, outputs)), data.draw(taps(stride, outputs))
    whole = one.union(two)
    wanted = reads(one) | reads(two)

    assert wanted <= reads(whole)
    assert (min(wanted), max(wanted)) == (min(reads(whole)), max(reads(whole)))
    # No wider spacing from the first element reaches all of them.
    span = max(wanted) - min(wanted)
    wider = range(whole.step + 1, span + 1)
    assert not any({(r - min(wanted)) % step for r in wanted} == {0} for step in wider)
    size = outputs * stride
    assert (size - whole.first + whole.after - span - 1) // stride + 1 == outputs
    for part in (one, two):
        at = [whole.first + whole.step * int(place) for place in part.places(whole)]
        assert set(at) == reads(part)


@given(
    size=st.integers(1, 12),
    block=st.integers(1, 3),
    count=st.integers(1, 4),
    step=st.integers(1, 2),
    stride=st.integers(1, 3),
    pads=st.tuples(st.integers(0, 3), st.integers(0, 3)),
)
def test_taps_behind_a_patch_read_what_the_two_read_one_after_the_other(
    *, size, block, count, step, stride, pads
):
    first = Taps(block, size, 0, 1 if block > 1 else 0, block)
    room = size + sum(pads) - step * (count - 1) - 1
    second = Taps(stride, max(room, 0) // stride + 1, -pads[0], step * (count > 1), count, pads[1])
    whole = second.behind(first, size * block)

    assert first.is_patch(size * block)
    assert (whole.stride, whole.outputs) == (stride * block, second.outputs)
    assert {middle * block + tap for middle in reads(second) for tap in range(block)} <= reads(
        whole
    )
    assert (min(reads(whole)), max(reads(whole))) == (
        second.first * block,
        second.last * block + block - 1,
    )
    if room >= 0:
        span = whole.last - whole.first
        padded = size * block - whole.first + whole.after
        assert (padded - span - 1) // whole.stride + 1 == whole.outputs


@pytest.mark.parametrize(
    ("taps", "size", "patch"),
    [
        (Taps(2, 4, 0, 1, 2), 8, True),
        (Taps(2, 4, 0, 1, 2), 9, False),
        (Taps(2, 4), 8, True),
        (Taps(1, 10, -1, 0, 1, 1), 8, True),
        (Taps(1, 8, -1, 1, 3, 1), 8, False),
        (Taps(2, 3, 0, 1, 3), 7, False),
    ],
    ids=["blocks", "a row left", "every second", "padded pixel", "overlapping", "reaching on"],
)
def test_a_patch_would_read_nothing_outside_its_outputs(taps, size, patch):
    outside = [at for at in range(-4, taps.outputs + 4) if not 0 <= at < taps.outputs]
    read = {at * taps.stride + tap for at in outside for tap in reads(taps)}

    assert taps.is_patch(size) is patch
    assert read.isdisjoint(range(size)) is patch


@pytest.mark.parametrize(
    ("auto_pad", "stride", "pads"),
    [
        ("SAME_UPPER", 1, (1, 2)),
        ("SAME_LOWER", 1, (2, 1)),
        ("SAME_UPPER", 2, (1, 1)),
        ("VALID", 1, (0, 0)),
    ],
)
def test_automatic_padding_is_read_as_numbers(auto_pad, stride, pads):
    graph = network(
        f"""g (float[1,1,8,8] x) => (y)
        {{ y = Conv<auto_pad="{auto_pad}", strides=[{stride},{stride}]>(x, w) }}""",
        w=np.ones((1, 1, 4, 4), np.float32),
    ).model.graph
    rows = taps_of(graph[0], 0, 4, 8)

    assert (-rows.first, rows.after) == pads
    assert rows.padded is (pads != (0, 0))
    assert rows.outputs == graph[0].outputs[0].shape[2]


def test_a_pixel_reads_one_input_and_no_padding():
    assert Taps(2, 4).is_pixel
    assert not Taps(1, 8, -1, 0, 1, 1).is_pixel
    assert not Taps(1, 6, 0, 1, 3).is_pixel
