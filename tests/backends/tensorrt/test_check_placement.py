import numpy as np
import pytest

from edgekit.backends.tensorrt.check_placement import check_placement
from edgekit.graphs import graph_from_proto
from tests.networks import proto

CONSTANTS = {
    "s": np.float32(0.5),
    "t": np.float32(0.25),
    "z": np.int8(0),
    "w": np.ones((4, 4, 1, 1), np.float32),
}


def pair(value, scale="s"):
    return (
        f"q{value} = QuantizeLinear({value}, {scale}, z) "
        f"d{value} = DequantizeLinear(q{value}, {scale}, z) "
    )


def said(body):
    text = f"g (float[1,4,4,4] x, float[1,4,4,4] v) => (float[N] y) {{ {body} }}"
    model = graph_from_proto(proto(text, **CONSTANTS)).model
    return [str(finding) for finding in check_placement(list(model.graph))]


@pytest.mark.parametrize("activation", ["Relu", "Sigmoid", "LeakyRelu", "HardSwish"])
def test_a_pair_between_a_layer_and_its_activation_is_warned_of(activation):
    (found,) = said(f"c = Conv(x, w) {pair('c')} y = {activation}(dc)")

    assert found.startswith("warning: ")
    assert "Move the pair behind the activation" in found


def test_a_pair_inside_a_silu_is_warned_of():
    (found,) = said(f"c = Conv(x, w) a = Sigmoid(c) {pair('a')} y = Mul(c, da)")

    assert "the two are one activation" in found


def test_a_pair_behind_an_activation_is_right():
    assert said(f"c = Conv(x, w) a = Relu(c) {pair('a')} y = Conv(da, w)") == []


def test_a_join_of_one_scale_is_right():
    assert (
        said(f"{pair('x')}{pair('v')} j = Concat<axis = 1>(dx, dv) {pair('j')} y = Neg(dj)") == []
    )


@pytest.mark.parametrize("scales", ["stt", "sst"])
def test_a_join_of_two_scales_is_warned_of(scales):
    x, v, j = scales
    (found,) = said(
        f"{pair('x', x)}{pair('v', v)} j = Concat<axis = 1>(dx, dv) {pair('j', j)} y = Neg(dj)"
    )

    assert "found 2: 0.25, 0.5" in found


@pytest.mark.parametrize(("after", "count"), [("s", 0), ("t", 1)])
def test_a_pooling_moves_integers_of_one_scale(after, count):
    found = said(
        f"{pair('x')} p = MaxPool<kernel_shape = [1,1]>(dx) {pair('p', after)} y = Neg(dp)"
    )

    assert len(found) == count
