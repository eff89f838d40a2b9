import pytest
import torch
from torch import nn
from torch.nn import functional

from edgekit.nets.blocks.yolov9 import (
    AverageConv,
    AverageDown,
    Elan4,
    Fuse,
    Routes,
    SppElan,
    SummedBranches,
)


def noise(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(1))


def scale(factor):
    """A layer whose effect is easy to follow through a block."""
    layer = nn.Conv2d(1, 1, 1, bias=False)
    nn.init.constant_(layer.weight, factor)
    return layer


@pytest.mark.parametrize("names", [("conv1", "conv2"), ("rbr_dense", "rbr_1x1", "rbr_identity")])
def test_branches_are_added_and_then_activated(names):
    branches = {name: nn.Conv2d(2, 2, 1) for name in names}
    x = noise(1, 2, 3, 3)
    weight = sum(branch.weight for branch in branches.values())
    bias = sum(branch.bias for branch in branches.values())

    found = SummedBranches(nn.ReLU(), **branches)(x)

    torch.testing.assert_close(found, functional.conv2d(x, weight, bias).clamp(min=0))


def test_one_branch_alone_is_only_activated():
    x = noise(1, 2, 3, 3)

    assert torch.equal(SummedBranches(nn.ReLU(), rbr_reparam=nn.Identity())(x), x.clamp(min=0))


def test_elan_joins_both_halves_and_two_steps_from_the_second():
    x = noise(1, 2, 3, 3)
    first, second = x.split(1, 1)

    found = Elan4(nn.Identity(), scale(2.0), scale(5.0), nn.Identity())(x)

    torch.testing.assert_close(found, torch.cat([first, second, 2 * second, 10 * second], 1))


def test_poolings_in_a_row_span_5_9_and_13_pixels():
    x = noise(1, 1, 16, 16)
    pools = {name: nn.MaxPool2d(5, 1, 2) for name in ("cv2", "cv3", "cv4")}

    found = SppElan(nn.Identity(), nn.Identity(), **pools)(x)

    expected = [x, *(functional.max_pool2d(x, size, 1, size // 2) for size in (5, 9, 13))]
    assert torch.equal(found, torch.cat(expected, 1))


@pytest.mark.parametrize("side", [8, 7])
def test_average_conv_is_one_convolution_of_four_by_four(side):
    x, conv = noise(1, 2, side, side), nn.Conv2d(2, 3, 3, 2, 1, bias=False)
    # The mean gives maps one pixel smaller, so what pads them lies within the image's last pixel.
    mean = torch.stack([x[..., :-1, :-1], x[..., 1:, :-1], x[..., :-1, 1:], x[..., 1:, 1:]]).mean(0)

    torch.testing.assert_close(AverageConv(conv)(x), conv(mean))


def test_average_down_convolves_one_half_and_pools_the_other():
    x = noise(1, 4, 9, 9)
    mean = functional.conv2d(x.reshape(4, 1, 9, 9), torch.full((1, 1, 2, 2), 0.25))
    mean = mean.reshape(1, 4, 8, 8)
    conv = nn.Conv2d(2, 3, 3, 2, 1)

    found = AverageDown(conv, nn.Identity())(x)

    windows = functional.pad(mean[:, 2:], (1, 1, 1, 1), value=-torch.inf)
    pooled = windows.unfold(2, 3, 2).unfold(3, 3, 2).amax((-1, -2))
    torch.testing.assert_close(found, torch.cat([conv(mean[:, :2]), pooled], 1))


def test_routes_lead_to_maps_that_are_enlarged_and_added():
    wide, narrow = noise(1, 3, 2, 2), noise(1, 1, 4, 4)
    routes = Routes(nn.Identity(), c2s=(2, 1))(wide)

    found = Fuse(idx=(1,))([routes, narrow])

    enlarged = wide[:, 2:].repeat_interleave(2, 2).repeat_interleave(2, 3)
    assert torch.equal(found, narrow + enlarged)
