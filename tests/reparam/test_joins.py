from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgekit.reparam.branches import branch_of, identity_of
from edgekit.reparam.joins import added, chain_obstacle, chained, chained_macs, sum_obstacle
from tests.reparam.branches import (
    ConvTerm,
    SameTerm,
    Sum,
    centred_term,
    conv_term,
    norm_term,
)
from tests.strategies import seeds

RNG = np.random.default_rng(0)


def branches(*terms, shape=(4, 8, 8)):
    """The branches that ``terms`` of an image of ``shape`` are."""
    graph = Sum(shape, list(terms), "Sum").graph().model.graph
    (total,) = (node for node in graph if node.op_type == "Sum")
    found = [leaf.producer() for leaf in total.inputs]
    return [identity_of(graph.inputs[0]) if n is None else branch_of(n) for n in found]


def term_of(branch) -> ConvTerm:
    """``branch`` as a layer whose definition is known; its strides and dilations are square."""
    rows, cols = branch.rows, branch.cols
    assert rows.stride == cols.stride
    dilation = {taps.step for taps in (rows, cols) if taps.count > 1} or {1}
    assert len(dilation) == 1
    pads = (-rows.first, -cols.first, rows.after, cols.after)
    layer = branch.layer
    return ConvTerm(layer.weight, layer.bias, branch.groups, rows.stride, dilation.pop(), pads)


def test_the_sum_of_two_kernels_is_written_out():
    small, large = branches(centred_term(RNG, (4, 4), 1), centred_term(RNG, (4, 4), 3, groups=2))
    one = added(large, small)

    assert one.leaves == (*large.leaves, *small.leaves)
    assert one.nodes == (*large.nodes, *small.nodes)
    np.testing.assert_allclose(one.layer.bias, large.layer.bias + small.layer.bias)
    for out, channel, row, col in product(range(4), range(4), range(3), range(3)):
        wanted = small.layer.weight[out, channel, 0, 0] if (row, col) == (1, 1) else 0.0
        if out // 2 == channel // 2:
            wanted += large.layer.weight[out, channel % 2, row, col]
        assert one.layer.weight[out, channel, row, col] == pytest.approx(wanted)


def test_two_normalizations_alone_have_no_convolution_to_go_into():
    one, two = branches(norm_term(RNG, 4), norm_term(RNG, 4))

    assert "no convolution beside it" in sum_obstacle(one, two)


def test_kernels_that_only_a_larger_one_covers_are_more_work_together():
    row, col = branches(
        conv_term(RNG, (4, 4), (1, 5), pads=(0, 2, 0, 2)),
        conv_term(RNG, (4, 4), (5, 1), pads=(2, 0, 2, 0)),
    )

    assert "would take 400 multiply-accumulates per pixel, apart they take 160" in sum_obstacle(
        row, col
    )


def test_a_sum_is_called_after_the_conv_in_it():
    norm, conv = branches(norm_term(RNG, 4), centred_term(RNG, (4, 4), 1, groups=4))

    assert added(norm, conv).name == "Conv"
    assert added(*branches(SameTerm(), centred_term(RNG, (4, 4), 1))).conv is not None


@settings(max_examples=100)
@given(
    seed=seeds,
    groups=st.tuples(st.sampled_from([1, 2]), st.sampled_from([1, 2, 4])),
    kernel=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    behind=st.booleans(),
    strides=st.tuples(st.integers(1, 2), st.integers(1, 2)),
    dilation=st.integers(1, 2),
    pads=st.tuples(*[st.integers(0, 2)] * 4),
    size=st.tuples(st.integers(6, 9), st.integers(6, 9)),
)
def test_a_pixel_before_or_behind_a_kernel_is_one_convolution(
    *, seed, groups, kernel, behind, strides, dilation, pads, size
):
    rng = np.random.default_rng(seed)
    pixel = conv_term(rng, (4, 4), (1, 1), groups=groups[0], stride=strides[0])
    large = conv_term(
        rng, (4, 4), kernel, groups=groups[1], stride=strides[1], dilation=dilation, pads=pads
    )
    if not behind:
        pixel = ConvTerm(pixel.weight, 0 * pixel.bias, groups[0], strides[0])
    terms = (large, pixel) if behind else (pixel, large)
    x = rng.normal(size=(1, 4, *size))
    middle = terms[0].of(x)
    (first,), (second,) = (
        branches(terms[0], shape=(4, *size)),
        branches(terms[1], shape=middle.shape[1:]),
    )

    assert chain_obstacle(first, second) is None
    both = chained(first, second)

    np.testing.assert_allclose(term_of(both).of(x), terms[1].of(middle), atol=1e-9)
    weight = both.layer.weight
    assert chained_macs(first, second) == weight.size * both.shape[1] * both.shape[2]
    assert both.macs == first.macs + second.macs


def test_a_bias_before_padding_and_two_wide_kernels_are_not_one_convolution():
    (pixel, wide) = branches(conv_term(RNG, (4, 4), (1, 1)), centred_term(RNG, (4, 4), 3))

    assert "would have its bias there" in chain_obstacle(pixel, wide)
    assert "neither it nor 'Conv_1' before it is a 1x1" in chain_obstacle(wide, wide)
    assert chain_obstacle(wide, pixel) is None
