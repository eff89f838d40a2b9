import torch
from torch import nn

from edgekit.nets.blocks.shuffle import PooledStem, ShuffleBlock


class Plus(nn.Module):
    def __init__(self, value):
        super().__init__()
        self.value = value

    def forward(self, x):
        return x + self.value


def test_channels_of_both_branches_come_in_turn():
    x = torch.arange(3.0).reshape(1, 3, 1, 1)

    found = ShuffleBlock(Plus(200), Plus(100))(x)

    assert found.flatten().tolist() == [100, 200, 101, 201, 102, 202]


def test_with_one_branch_the_first_half_stays():
    x = torch.arange(6.0).reshape(1, 6, 1, 1)

    assert ShuffleBlock(Plus(10))(x).flatten().tolist() == [0, 13, 1, 14, 2, 15]


def test_a_stem_pools_behind_its_convolution():
    x = torch.arange(16.0).reshape(1, 1, 4, 4)

    found = PooledStem(Plus(1), nn.MaxPool2d(2))(x)

    assert found.flatten().tolist() == [6, 8, 14, 16]
