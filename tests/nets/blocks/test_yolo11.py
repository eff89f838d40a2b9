import pytest
import torch
from torch import nn

from edgekit.nets.blocks.yolo11 import C2Psa, PsaBlock


def scale(factor):
    layer = nn.Conv2d(1, 1, 1, bias=False)
    nn.init.constant_(layer.weight, factor)
    return layer


@pytest.mark.parametrize(("add", "expected"), [(True, 3 * 4), (False, 2 * 3)])
def test_both_steps_add_their_input_or_neither_does(add, expected):
    block = PsaBlock(scale(2.0), scale(3.0), add=add)

    assert block(torch.ones(1, 1, 2, 2)).unique().tolist() == [expected]


def test_one_half_passes_by_and_the_other_attends():
    x = torch.stack([torch.full((2, 2), 5.0), torch.full((2, 2), 7.0)])[None]

    found = C2Psa(nn.Identity(), nn.Identity(), nn.Sequential(scale(2.0), scale(3.0)))(x)

    assert found[0, :, 0, 0].tolist() == [5, 42]
