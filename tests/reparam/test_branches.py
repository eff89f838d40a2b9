from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit.reparam.branches import Taps, branch_of, joined, obstacle, write_branch
from tests.networks import network
from tests.reparam.branches import SameTerm, Sum, centred_term, conv_term, norm_term

RNG = np.random.default_rng(0)


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


def branches(*terms):
    """The branches that ``terms`` of an 8x8 image of 4 channels are."""
    graph = Sum((4, 8, 8), list(terms), "Sum").graph().model.graph
    (total,) = (node for node in graph if node.op_type == "Sum")
    return [branch_of(leaf, graph.inputs[0]) for leaf in total.inputs]


def test_each_kind_of_term_is_read():
    conv, norm, same = branches(
        conv_term(RNG, (4, 6), (3, 1), groups=2, pads=(1, 0, 1, 0)), norm_term(RNG, 4), SameTerm()
    )

    assert (conv.name, norm.name, same.name) == ("Conv", "BatchNormalization", "x")
    assert (conv.groups, norm.groups, same.groups) == (2, 4, 4)
    assert (conv.macs, norm.macs, same.macs) == (6 * 2 * 3, 4, 4)
    assert (conv.rows, conv.cols) == (Taps(1, 8, -1, 1, 3, 1), Taps(1, 8))
    assert norm.node is None


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
    branch = branch_of(graph[0].outputs[0], graph.inputs[0])

    assert (-branch.rows.first, branch.rows.after) == pads
    assert branch.rows.outputs == graph[0].outputs[0].shape[2]


def test_the_sum_of_two_kernels_is_written_out():
    small, large = branches(centred_term(RNG, (4, 4), 1), centred_term(RNG, (4, 4), 3, groups=2))
    one = joined(large, small)

    assert one.leaves == (*large.leaves, *small.leaves)
    np.testing.assert_allclose(one.layer.bias, large.layer.bias + small.layer.bias)
    for out, channel, row, col in product(range(4), range(4), range(3), range(3)):
        wanted = small.layer.weight[out, channel, 0, 0] if (row, col) == (1, 1) else 0.0
        if out // 2 == channel // 2:
            wanted += large.layer.weight[out, channel % 2, row, col]
        assert one.layer.weight[out, channel, row, col] == pytest.approx(wanted)


def test_a_conv_is_written_with_numbers_for_all_it_was_given():
    (conv,) = branches(centred_term(RNG, (4, 4), 3, dilation=2))
    node = write_branch(conv)

    assert {name: a.value for name, a in node.attributes.items()} == {
        "group": 1,
        "kernel_shape": (3, 3),
        "dilations": (2, 2),
        "pads": (2, 2, 2, 2),
        "strides": (1, 1),
    }


def test_two_normalizations_alone_have_no_convolution_to_go_into():
    one, two = branches(norm_term(RNG, 4), norm_term(RNG, 4))

    assert "no convolution beside it" in obstacle(one, two)


def test_kernels_that_only_a_larger_one_covers_are_more_work_together():
    row, col = branches(
        conv_term(RNG, (4, 4), (1, 5), pads=(0, 2, 0, 2)),
        conv_term(RNG, (4, 4), (5, 1), pads=(2, 0, 2, 0)),
    )

    assert "would take 400 multiply-accumulates per pixel, apart they take 160" in obstacle(
        row, col
    )
