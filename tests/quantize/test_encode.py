from dataclasses import replace

import numpy as np
import onnx_ir as ir
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from edgekit.quantize.encode import (
    Encoding,
    encode_activation,
    encode_bias,
    encode_symmetric,
    encode_weight,
    encodings_of,
    encodings_of_values,
    given_encoding,
    on_half_scales,
    smallest_scales,
)
from edgekit.quantize.plan import Link, plan
from edgekit.quantize.rules import ORT_X86
from edgekit.values import Range
from tests.networks import network

spans = st.builds(
    Range, st.floats(-1e4, 0, allow_subnormal=False), st.floats(0, 1e4, allow_subnormal=False)
)
weights = npst.arrays(
    np.float32,
    st.tuples(st.integers(1, 6), st.integers(1, 5), st.integers(1, 3), st.integers(1, 3)),
    elements=st.floats(-8, 8, width=32, allow_subnormal=False),
)

TOP = {"full": 127, "paired": 127, "narrow": 63}


def integers_of(reals, encoding):
    return np.clip(np.round(reals / encoding.scale) + encoding.zero_point, 0, 255)


@settings(deadline=None)
@given(spans)
def test_a_value_of_the_range_comes_back_within_half_a_scale(span):
    assume(span.high - span.low > 1e-6)
    encoding = encode_activation(span)
    values = np.linspace(span.low, span.high, 1000)

    back = (integers_of(values, encoding) - encoding.zero_point) * encoding.scale

    assert np.abs(back - values).max() <= encoding.scale * 0.50001


@settings(deadline=None)
@given(spans)
def test_zero_is_one_of_the_encoded_numbers(span):
    encoding = encode_activation(span)

    assert 0 <= encoding.zero_point <= 255
    assert integers_of(0.0, encoding) == encoding.zero_point
    assert np.float32(encoding.scale) == encoding.scale > 0


@pytest.mark.parametrize("rule", ["full", "paired", "narrow"])
@settings(deadline=None)
@given(weight=weights, axis=st.sampled_from([0, 1]))
def test_weights_stay_within_their_integers_and_half_a_scale(rule, weight, axis):
    top = TOP[rule]

    encoded = encode_weight(weight, axis, rule)

    assert encoded.integers.dtype == np.int8
    assert np.abs(encoded.integers.astype(int)).max() <= top
    scales = np.moveaxis(np.broadcast_to(encoded.scales, (1, 1, 1, len(encoded.scales))), 3, axis)
    reach = np.clip(weight, -top * scales, top * scales)
    assert np.all(np.abs(encoded.reals() - reach) <= 0.501 * scales)


@pytest.mark.parametrize("rule", ["full", "narrow"])
@settings(deadline=None)
@given(weight=weights)
def test_no_channel_is_worse_than_without_clipping(rule, weight):
    top = TOP[rule]
    whole = np.maximum(np.abs(weight).max(axis=(1, 2, 3), keepdims=True), 1e-12) / top
    unclipped = np.round(weight / whole) * whole

    loss = np.square(encode_weight(weight, 0, rule).reals() - weight).sum(axis=(1, 2, 3))

    limit = np.square(unclipped - weight).sum(axis=(1, 2, 3))
    assert np.all(loss <= limit * (1 + 1e-3) + 1e-9)


def test_an_outlier_is_clipped_where_that_costs_less():
    channel = np.random.default_rng(0).normal(size=(1, 10_000)).astype(np.float32)
    channel[0, 0] = 8.0
    unclipped = np.round(channel / (8 / 63)) * (8 / 63)

    encoded = encode_weight(channel, 0, "narrow")

    assert encoded.scales[0] * 63 < 7.5
    loss = np.square(encoded.reals() - channel).sum()
    assert loss < 0.9 * np.square(unclipped - channel).sum()


@settings(deadline=None)
@given(weight=weights)
def test_paired_channels_never_saturate_a_sum_of_two_channels_of_one_pixel(weight):
    integers = encode_weight(weight, 0, "paired-channels").integers.astype(int)

    for first in range(0, integers.shape[1], 2):
        pair = 255 * integers[:, first : first + 2]
        for pushed in (np.maximum(pair, 0), np.minimum(pair, 0)):
            assert np.all(np.abs(pushed.sum(axis=1)) <= np.iinfo(np.int16).max)


@settings(deadline=None)
@given(weight=weights)
def test_paired_weights_never_saturate_a_16_bit_sum_of_two_products(weight):
    integers = encode_weight(weight, 0, "paired").integers.astype(int)

    rows = integers.transpose(0, 2, 3, 1).reshape(len(integers), -1)
    products = 255 * np.pad(rows, ((0, 0), (0, rows.shape[1] % 2)))
    for pushed in (np.maximum(products, 0), np.minimum(products, 0)):
        sums = pushed[:, 0::2] + pushed[:, 1::2]
        assert np.all(np.abs(sums) <= np.iinfo(np.int16).max)


def test_narrow_weights_saturate_with_no_neighbour_and_full_ones_do():
    channels = np.random.default_rng(0).normal(size=(64, 128)).astype(np.float32)
    worst = {
        rule: 255 * np.sort(np.abs(encode_weight(channels, 0, rule).integers.astype(int)))[:, -2:]
        for rule in ("narrow", "full")
    }

    assert worst["narrow"].sum(axis=1).max() <= np.iinfo(np.int16).max
    assert worst["full"].sum(axis=1).max() > np.iinfo(np.int16).max


def test_paired_weights_lose_less_than_narrow_ones():
    weight = np.random.default_rng(0).normal(size=(32, 16, 3, 3)).astype(np.float32)
    loss = {
        rule: np.square(encode_weight(weight, 0, rule).reals() - weight).sum()
        for rule in ("full", "paired", "narrow")
    }

    assert loss["full"] <= loss["paired"] < 0.7 * loss["narrow"]


@settings(deadline=None)
@given(
    bias=npst.arrays(np.float32, 5, elements=st.floats(-1e3, 1e3, width=32)),
    weight_scale=st.floats(1e-30, 10, allow_subnormal=False),
    input_scale=st.floats(1e-10, 10, allow_subnormal=False),
)
def test_a_bias_fits_whatever_the_weights_and_comes_back_within_half_a_step(
    bias, weight_scale, input_scale
):
    smallest = smallest_scales(bias, input_scale)
    scales = np.maximum(np.float32(weight_scale), smallest) * np.float32(input_scale)
    assume(np.all(scales > np.finfo(np.float32).tiny))

    encoded = encode_bias(bias, scales)

    assert np.abs(encoded.integers.astype(np.int64)).max() <= 2**30 + 2**8
    steps = bias.astype(np.float64) / scales
    assert np.abs(encoded.integers - steps).max() <= 0.5


def test_a_channel_of_almost_no_weight_keeps_a_scale_its_bias_fits_into():
    weight = np.stack([np.zeros(9), np.linspace(-1, 1, 9)]).astype(np.float32)
    smallest = smallest_scales(np.float32([3.0, 3.0]), 0.01)

    encoded = encode_weight(weight, 0, 8, smallest)

    assert encoded.scales[0] == smallest[0] > 1e-12
    assert encoded.scales[1] == encode_weight(weight, 0, 8).scales[1]
    assert not encoded.integers[0].any()


@settings(deadline=None)
@given(npst.arrays(np.float32, st.integers(1, 20), elements=st.floats(-1e3, 1e3, width=32)))
def test_a_constant_comes_back_within_half_a_step_around_128(constant):
    integers, encoding = encode_symmetric(constant)

    back = (integers.astype(np.float64) - 128) * encoding.scale

    assert encoding.zero_point == 128
    assert np.abs(back - constant).max() <= 0.5001 * encoding.scale


@settings(deadline=None)
@given(spans)
def test_a_signed_encoding_has_zero_at_zero_and_covers_the_wider_side_twice(span):
    encoding = encode_activation(span, signed=True)

    widest = max(-span.low, span.high)
    steps = np.clip(np.round(np.linspace(-widest, widest, 999) / encoding.scale), -128, 127)
    assert encoding.zero == np.int8(0)
    assert np.float16(encoding.scale) == encoding.scale
    if widest > 1e-2:
        assert widest / 128.1 < encoding.scale < widest / 126.9
        assert steps.max() == 127


def test_a_signed_constant_comes_back_within_a_step():
    constant = np.linspace(-1, 3, 50, dtype=np.float32)

    integers, encoding = encode_symmetric(constant, signed=True)

    assert integers.dtype == np.int8
    back = integers.astype(np.float64) * encoding.scale
    assert np.abs(back - constant).max() <= encoding.scale


@pytest.mark.parametrize("spread", [1e-9, 1e-4, 1.0])
def test_a_weight_on_scales_of_16_bits_is_hardly_further_off(spread):
    weight = np.random.default_rng(0).normal(0, spread, (4, 8, 3, 3)).astype(np.float32)
    best = encode_weight(weight, 0, "full")

    held = on_half_scales(weight, best)

    assert np.array_equal(held.scales, held.scales.astype(np.float16))
    assert held.integers.dtype == np.int8
    errors = [float(np.abs(e.reals() - weight).max()) for e in (best, held)]
    assert errors[1] <= 1.1 * errors[0] + 2.0**-20


def test_a_single_constant_is_exact():
    integers, encoding = encode_symmetric(np.float32([-0.75]))

    assert (float(integers[0]) - 128) * encoding.scale == pytest.approx(-0.75, rel=1e-6)


def test_a_value_out_of_integers_tells_its_encoding():
    graph = network(
        "g (uint8[4] x) => (y) { f = DequantizeLinear(x, s, z) y = Neg(f) }",
        s=np.float32(0.5),
        z=np.uint8(7),
    )
    nodes = list(graph.model.graph)

    assert given_encoding(nodes[0].outputs[0]) == Encoding(0.5, 7)
    assert given_encoding(nodes[1].outputs[0]) is None
    assert given_encoding(ir.val("x")) is None


def test_a_leader_has_its_own_encoding_or_that_of_its_range():
    text = """g (uint8[1,4,2,2] x) => (y) {
        f = DequantizeLinear(x, s, z) m = MaxPool<kernel_shape = [1,1]>(f) y = Conv(m, w)
    }"""
    weight = np.ones((4, 4, 1, 1), np.float32)
    graph = network(text, w=weight, s=np.float32(0.5), z=np.uint8(3))
    ranges = {"f": Range(0.0, 3.0), "y": Range(-1.0, 2.0), "unused": Range(0.0, 0.0)}

    found = encodings_of(graph, plan(graph, ORT_X86, {}), ranges)

    assert found == {"f": Encoding(0.5, 3), "y": encode_activation(ranges["y"])}


def test_a_value_is_on_its_leaders_scale_times_its_factor():
    decided = plan(network("g (float[1] x) => (y) { y = Identity(x) }"), ORT_X86, {})
    links = {"whole": Link("whole"), "half": Link("whole", 0.5), "as read": Link("other")}
    leaders = {"whole": Encoding(0.5, 3), "other": Encoding(2.0, 0)}

    found = encodings_of_values(replace(decided, links=links), leaders)

    assert found == {
        "whole": Encoding(0.5, 3),
        "half": Encoding(0.25, 3),
        "as read": Encoding(2.0, 0),
    }
