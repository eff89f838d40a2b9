import pytest
import torch
from torch import nn

from edgekit.nets.blocks.mobileone import MobileOneBlock


class Times(nn.Module):
    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def forward(self, x):
        return x * self.factor


@pytest.mark.parametrize(
    ("branches", "expected"),
    [
        ({"rbr_conv": nn.ModuleList([Times(2.0), Times(3.0)]), "rbr_scale": Times(5.0)}, 10),
        ({"reparam_conv": Times(-2.0)}, 0),
    ],
)
def test_all_branches_are_added_and_activated(branches, expected):
    block = MobileOneBlock(nn.ReLU(), nn.Identity(), **branches)

    assert block(torch.ones(1)).item() == expected


def test_a_list_of_branches_is_as_many():
    convs = nn.ModuleList([Times(2.0), Times(3.0)])
    block = MobileOneBlock(nn.ReLU(), nn.Identity(), rbr_skip=nn.Identity(), rbr_conv=convs)

    assert len(list(block.branches())) == 3
