import pytest
import torch
from torch import nn

from edgekit.nets.darknet_layers import Route, Shortcut, UnevenPool


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
