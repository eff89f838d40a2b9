import torch
from torch import nn

from edgekit.nets.blocks.ghost import GhostBottleneck, GhostConv


def scale(factor):
    conv = nn.Conv2d(1, 1, 1, bias=False)
    nn.init.constant_(conv.weight, factor)
    return conv


def test_the_cheap_half_is_made_of_the_other_half():
    x = torch.ones(1, 1, 1, 1)

    assert GhostConv(scale(2.0), scale(5.0))(x).flatten().tolist() == [2, 10]


def test_a_bottleneck_adds_its_shortcut():
    x = torch.ones(1, 1, 1, 1)

    assert GhostBottleneck(scale(3.0), nn.Identity())(x).item() == 4
    assert GhostBottleneck(scale(3.0), scale(7.0))(x).item() == 10
