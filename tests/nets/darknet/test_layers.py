import numpy as np
import pytest
import torch
from torch import nn

from edgekit.errors import ModelError
from edgekit.nets.darknet.layers import (
    Connected,
    Crop,
    LocalConv,
    Reorg,
    Route,
    Shortcut,
    UnevenPool,
    Window,
)


def test_a_route_joins_maps_or_takes_one_part_of_each():
    maps = [torch.arange(4.0).reshape(1, 4, 1, 1), 10 + torch.arange(2.0).reshape(1, 2, 1, 1)]

    assert Route()(maps).flatten().tolist() == [0, 1, 2, 3, 10, 11]
    assert Route(2, 1)(maps).flatten().tolist() == [2, 3, 11]
    assert Route()(maps[:1]) is maps[0]


def test_a_shortcut_adds_and_then_activates():
    maps = [torch.tensor([1.0, -5.0]), torch.tensor([2.0, 1.0]), torch.tensor([3.0, 1.0])]

    assert Shortcut(nn.ReLU())(maps).tolist() == [6, 0]


@pytest.mark.parametrize("size", [2, 4])
def test_an_even_pool_reaches_one_pixel_farther_behind_than_before(size):
    torch.manual_seed(0)
    image = torch.randn(1, 1, 6, 5)
    before, behind = (size - 1) // 2, size - 1 - (size - 1) // 2

    padded = nn.functional.pad(image, (before, behind, before, behind), value=-torch.inf)
    expected = padded.unfold(2, size, 1).unfold(3, size, 1).amax((-2, -1))

    assert torch.equal(UnevenPool(size)(image), expected)


def test_reorg_moves_numbers_as_darknet_counts_them():
    channels, height, width, by = 8, 4, 6, 2
    flat = torch.arange(float(channels * height * width))

    found = Reorg(by)(flat.reshape(1, channels, height, width))

    expected = np.zeros(flat.numel())
    fewer = channels // by**2
    for k, j, i in np.ndindex(channels, height, width):
        row, column = j * by + k // fewer // by, i * by + k // fewer % by
        read = column + width * by * (row + height * by * (k % fewer))
        expected[i + width * (j + height * k)] = read
    assert found.shape == (1, channels * by**2, height // by, width // by)
    assert found.flatten().tolist() == expected.tolist()


@pytest.mark.parametrize("adjusts", [True, False])
def test_a_crop_keeps_the_middle(adjusts):
    image = torch.arange(20.0).reshape(1, 1, 4, 5)

    found = Crop((4, 5), (2, 2), adjusts=adjusts)(image).flatten().tolist()

    assert found == ([11, 13, 21, 23] if adjusts else [6, 7, 11, 12])


def test_a_connected_layer_reads_channel_by_channel():
    linear = nn.Linear(8, 1, bias=False)
    linear.weight.data = torch.arange(8.0).reshape(1, 8)

    assert Connected(linear, nn.ReLU())(torch.ones(2, 2, 2, 2)).tolist() == [[28], [28]]


@pytest.mark.parametrize("window", [Window(3, 1, 1), Window(2), Window(3, 2, 1), Window(1)])
def test_kernels_of_their_own_that_are_all_alike_are_a_convolution(window):
    torch.manual_seed(0)
    image, kernel = torch.randn(2, 3, 6, 4), torch.randn(5, 3, window.size, window.size)
    bias = torch.randn(5)
    expected = nn.functional.conv2d(image, kernel, bias, window.stride, window.padding)
    places = expected.shape[2] * expected.shape[3]
    layer = LocalConv((3, 5), tuple(expected.shape[2:]), window, nn.Identity())

    weight = kernel.reshape(1, 5, -1).repeat(places, 1, 1)
    state = {"weight": weight, "bias": bias[:, None].repeat(1, places)}
    layer.load_state_dict(state, assign=True)

    torch.testing.assert_close(layer(image), expected, rtol=1e-5, atol=1e-5)


def local():
    return LocalConv((1, 1), (2, 2), Window(3, 1, 1), nn.Identity())


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (Crop((4, 4), (2, 2), adjusts=True), "an image of 4 x 4, found 3 x 3"),
        (Connected(nn.Linear(4, 1), nn.Identity()), "a map of 4, found 9"),
        (local(), "a map of 2 x 2, found 3 x 3"),
    ],
)
def test_an_image_of_another_size_is_refused(layer, message):
    with pytest.raises(ModelError, match=message):
        layer(torch.zeros(1, 1, 3, 3))
