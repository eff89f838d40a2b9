import pytest
import torch
from torch import nn
from torch.nn import functional

from edgekit.nets.blocks.yolov7 import DownC, Implicit, Pooled, SppCspc, Sum


def noise(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(1))


def test_a_pooling_keeps_the_name_of_its_layer():
    x = noise(1, 2, 4, 4)
    block = Pooled(nn.MaxPool2d(2, 2))

    assert [name for name, _ in block.named_children()] == ["m"]
    assert torch.equal(block(x), x.unfold(2, 2, 2).unfold(3, 2, 2).amax((-1, -2)))


def test_pools_are_joined_before_the_path_that_passes_them_by():
    x = noise(1, 1, 16, 16)
    convs = {f"cv{i}": nn.Identity() for i in range(1, 8)}
    pools = nn.ModuleList(nn.MaxPool2d(size, 1, size // 2) for size in (5, 9, 13))

    found = SppCspc(pools, **convs)(x)

    pooled = [functional.max_pool2d(x, size, 1, size // 2) for size in (5, 9, 13)]
    assert torch.equal(found, torch.cat([x, *pooled, x], 1))


def test_convolutions_come_in_their_order():
    x, factors = torch.ones(1, 1, 2, 2), (2.0, 3.0, 5.0, 7.0, 11.0, 13.0, 17.0)
    convs = {}
    for name, factor in zip(
        ("cv1", "cv2", "cv3", "cv4", "cv5", "cv6", "cv7"), factors, strict=True
    ):
        width = {"cv5": 2, "cv7": 2}.get(name, 1)
        convs[name] = nn.Conv2d(width, 1, 1, bias=False)
        nn.init.constant_(convs[name].weight, factor)

    found = SppCspc(nn.ModuleList([nn.Identity()]), **convs)(x)

    deep = 2 * 5 * 7
    assert found.unique().tolist() == [17 * (13 * 11 * 2 * deep + 3)]


@pytest.mark.parametrize("multiplies", [True, False])
def test_learned_numbers_are_added_or_multiplied_per_channel(multiplies):
    x, numbers = noise(1, 3, 2, 2), torch.tensor([1.0, -2.0, 0.5]).reshape(1, 3, 1, 1)

    found = Implicit(numbers, multiplies=multiplies)(x)

    rows = zip(x.unbind(1), (1.0, -2.0, 0.5), strict=True)
    expected = [row * number if multiplies else row + number for row, number in rows]
    assert torch.equal(found, torch.stack(expected, 1))


def test_a_map_halved_both_ways_is_joined_convolutions_first():
    x = noise(1, 2, 4, 4)
    strided, pool = nn.Conv2d(2, 1, 1, 2), nn.MaxPool2d(2, 2)

    found = DownC(nn.Identity(), strided, nn.Identity(), pool)(x)

    assert torch.equal(found, torch.cat([strided(x), pool(x)], 1))


def test_two_maps_are_added_and_three_are_refused():
    x, y = noise(1, 2, 3, 3), torch.ones(1, 2, 3, 3)

    assert torch.equal(Sum()([x, y]), x + 1)
    with pytest.raises(ValueError, match="too many values"):
        Sum()([x, y, x])
