import numpy as np
import pytest

from edgekit.macs import macs_per_node, parameters
from tests.networks import network


def ones(*shape):
    return np.ones(shape, np.float32)


@pytest.mark.parametrize(
    ("text", "weight", "macs"),
    [
        ("float[1,3,8,10] x) => (y) { y = Conv(x, w)", (4, 3, 3, 3), 4 * 6 * 8 * 27),
        (
            "float[2,8,8,8] x) => (y) { y = Conv<group = 4, pads = [1,1,1,1]>(x, w)",
            (8, 2, 3, 3),
            2 * 8 * 8 * 8 * 18,
        ),
        ("float[1,6,5,5] x) => (y) { y = Conv<group = 6>(x, w)", (6, 1, 5, 5), 6 * 25),
        (
            "float[1,6,5,4] x) => (y) { y = ConvTranspose<strides = [2,2]>(x, w)",
            (6, 3, 2, 2),
            6 * 5 * 4 * 3 * 4,
        ),
        ("float[4,12] x) => (y) { y = Gemm(x, w)", (12, 5), 4 * 12 * 5),
        ("float[4,12] x) => (y) { y = Gemm<transB = 1>(x, w)", (5, 12), 4 * 12 * 5),
        ("float[7,4,12] x) => (y) { y = MatMul(x, w)", (12, 5), 7 * 4 * 12 * 5),
        ("float[7,4,12] x) => (y) { y = MatMul(x, w)", (7, 12, 5), 7 * 4 * 12 * 5),
        ("float[4,12] x) => (y) { y = MatMul(x, w)", (12,), 4 * 12),
    ],
)
def test_products_are_counted_as_by_hand(text, weight, macs):
    graph = network(f"g ({text} }}", w=ones(*weight))

    (counted,) = macs_per_node(graph).values()

    assert counted == macs


def test_what_has_no_weight_or_no_shape_is_left_out():
    text = """g (float[N,3,8,8] x, float[64,2] q) => (y, z, p) {
        y = Conv(x, w)
        r = Reshape(x, to)
        z = MatMul(r, q)
        p = Relu(r)
    }"""
    graph = network(text, w=ones(4, 3, 1, 1), to=np.int64([-1, 64]))

    assert macs_per_node(graph) == {}


def test_parameters_are_what_layers_learned_without_statistics_and_grids():
    graph = network(
        """g (float[1,3,8,8] x) => (y) { c = Conv(x, w, b) d = Conv(c, v)
        e = BatchNormalization(d, s, s2, m, m2) f = Add(e, grid) y = Reshape(f, to) }""",
        w=ones(4, 3, 3, 3),
        b=ones(4),
        v=ones(4, 4, 1, 1),
        s=ones(4),
        s2=ones(4),
        m=ones(4),
        m2=ones(4),
        grid=ones(1, 4, 6, 6),
        to=np.int64([1, -1]),
    )

    assert parameters(graph) == 4 * 27 + 4 + 16 + 8


@pytest.mark.parametrize(("bias", "counted"), [(np.zeros(4), 0), (np.float64([0, 0, 0, 1]), 4)])
def test_a_bias_of_zeros_is_none_that_was_learned(bias, counted):
    text = "g (float[1,3,8,8] x) => (y) { y = Conv(x, w, b) }"
    graph = network(text, w=ones(4, 3, 1, 1), b=bias.astype(np.float32))

    assert parameters(graph) == 12 + counted


def test_kernels_of_zeros_and_normalizations_that_move_nothing_are_counted():
    graph = network(
        "g (float[1,3,8,8] x) => (y) { c = Conv(x, w) y = BatchNormalization(c, s, b, m, v) }",
        w=np.zeros((4, 3, 1, 1), np.float32),
        b=np.zeros(4, np.float32),
        s=ones(4),
        m=ones(4),
        v=ones(4),
    )

    assert parameters(graph) == 12 + 8
