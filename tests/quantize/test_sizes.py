import numpy as np
import pytest

from edgekit.quantize.rules import TENSORRT
from edgekit.quantize.sizes import too_small
from tests.networks import network


def reason(body, *weight, channels=32, size="6,6"):
    text = f"g (float[1,{channels},{size}] x) => (y) {{ y = {body} }}"
    graph = network(text, w=np.ones(weight, np.float32))
    return too_small(graph.model.graph[0], TENSORRT.sizes)


@pytest.mark.parametrize(
    ("body", "weight"),
    [
        ("Conv(x, w)", (16, 32, 1, 1)),
        ("Conv(x, w)", (8, 32, 3, 3)),
        ("Conv<group = 2>(x, w)", (16, 16, 3, 3)),
        ("ConvTranspose(x, w)", (32, 16, 2, 2)),
    ],
)
def test_a_large_layer_stays_out_of_float(body, weight):
    assert reason(body, *weight) is None


@pytest.mark.parametrize(
    ("body", "weight", "words"),
    [
        ("Conv(x, w)", (8, 32, 1, 3), "32 channels in and 8 out"),
        ("Conv(x, w)", (7, 33, 3, 3), "33 channels in and 7 out"),
        ("Conv<group = 32>(x, w)", (32, 1, 3, 3), "depthwise"),
        ("Conv<group = 2>(x, w)", (16, 16, 1, 1), "2 groups"),
        ("ConvTranspose<group = 2>(x, w)", (32, 16, 2, 2), "transposed and in groups"),
        ("ConvTranspose(x, w)", (33, 7, 3, 3), "33 channels in and 7 out"),
    ],
)
def test_a_small_layer_stays_in_float_with_the_reason(body, weight, words):
    assert words in reason(body, *weight, channels=33 if 33 in weight else 32)


def test_an_image_of_three_channels_is_read_in_8_bits():
    assert reason("Conv(x, w)", 16, 3, 3, 3, channels=3) is None
    assert "3 channels in and 8 out" in reason("Conv(x, w)", 8, 3, 3, 3, channels=3)


@pytest.mark.parametrize(
    ("weight", "size", "words"),
    [((32, 8), "4,32", "32 x 8"), ((32, 32), "1,32", "a single row")],
)
def test_a_small_product_stays_in_float(weight, size, words):
    assert words in reason("MatMul(x, w)", *weight, channels=1, size=size)


def test_a_product_of_many_rows_does_not():
    assert reason("MatMul(x, w)", 32, 32, channels=4, size="4,32") is None
