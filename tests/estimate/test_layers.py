import numpy as np

from edgekit.estimate.layers import fused_layers
from tests.networks import network


def weight(*shape):
    return np.zeros(shape, np.float32)


def layers_of(text, **weights):
    return {layer.name: layer for layer in fused_layers(network(text, **weights))}


def test_an_activation_belongs_to_the_convolution_before_it():
    layers = layers_of(
        """g (float[1, 3, 8, 8] x) => (float[1, 4, 8, 8] y) {
            a = Conv <pads = [1, 1, 1, 1]> (x, w)
            s = Sigmoid(a)
            y = Mul(a, s)
        }""",
        w=weight(4, 3, 3, 3),
    )

    (conv,) = layers.values()
    assert conv.kind == "dense"
    assert conv.macs == 4 * 8 * 8 * 3 * 9
    assert (conv.weights, conv.inner, conv.channels) == (4 * 3 * 9, 3 * 9, 4)
    assert (conv.reads, conv.writes) == (3 * 64, 4 * 64)


def test_a_sum_belongs_to_the_later_convolution_and_reads_the_skipped_map():
    layers = layers_of(
        """g (float[1, 4, 8, 8] x) => (float[1, 4, 8, 8] y) {
            a = Conv (x, w)
            b = Conv (a, w)
            y = Add(b, a)
        }""",
        w=weight(4, 4, 1, 1),
    )

    assert list(layers) == ["Conv", "Conv_1"]
    assert (layers["Conv"].reads, layers["Conv"].writes) == (256, 256)
    assert (layers["Conv_1"].reads, layers["Conv_1"].writes) == (256, 256)


def test_a_map_read_twice_outside_is_written_once_and_read_by_each():
    layers = layers_of(
        """g (float[1, 4, 8, 8] x) => (float[1, 8, 8, 8] y) {
            a = Conv (x, w)
            b = MaxPool <kernel_shape = [3, 3], pads = [1, 1, 1, 1]> (a)
            y = Concat <axis = 1> (a, b)
        }""",
        w=weight(4, 4, 1, 1),
    )

    assert {name: layer.kind for name, layer in layers.items()} == {
        "Conv": "dense",
        "MaxPool": "other",
        "Concat": "move",
    }
    assert layers["Conv"].writes == 256
    assert (layers["Concat"].reads, layers["Concat"].writes) == (512, 512)
    assert layers["Concat"].macs == layers["MaxPool"].macs == 0


def test_one_filter_per_channel_is_told_from_dense_and_from_wide_groups():
    layers = layers_of(
        """g (float[1, 16, 4, 4] x) => (float[1, 16, 4, 4] y) {
            a = Conv <group = 16> (x, single)
            y = Conv <group = 2> (a, wide)
        }""",
        single=weight(16, 1, 1, 1),
        wide=weight(16, 8, 1, 1),
    )

    assert [layer.kind for layer in layers.values()] == ["depthwise", "dense"]
    assert [layer.macs for layer in layers.values()] == [16 * 16, 16 * 16 * 8]


def test_reshapes_are_no_work_and_hide_nothing():
    layers = layers_of(
        """g (float[1, 4, 2, 2] x) => (float[1, 4, 4] y) {
            a = Conv (x, w)
            b = Reshape(a, shape)
            y = MatMul(b, b)
        }""",
        w=weight(4, 4, 1, 1),
        shape=np.array([1, 4, 4], np.int64),
    )

    assert list(layers) == ["Conv", "MatMul"]
    product = layers["MatMul"]
    assert (product.macs, product.weights, product.reads) == (4 * 4 * 4, 0, 16)
    assert layers["Conv"].writes == 16


def test_arithmetic_that_follows_nothing_is_a_layer_of_its_own():
    layers = layers_of(
        "g (float[1, 4] x) => (float[1, 4] y) { a = Add(x, c) y = Relu(a) }", c=weight(4)
    )

    assert [(layer.kind, layer.reads, layer.writes) for layer in layers.values()] == [
        ("other", 4, 4)
    ]


def test_turning_the_u8_image_into_floats_is_part_of_the_first_layer():
    layers = layers_of(
        """g (uint8[1, 3, 8, 8] x) => (float[1, 4, 8, 8] y) {
            a = DequantizeLinear(x, scale)
            y = Conv (a, w)
        }""",
        scale=np.float32(1 / 255),
        w=weight(4, 3, 1, 1),
    )

    assert list(layers) == ["Conv"]
    assert layers["Conv"].reads == 3 * 64
