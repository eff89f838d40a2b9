import pytest
import torch
from torch import nn

from edgekit.nets.blocks.yolox import (
    CspLayer,
    DepthwiseConv,
    ResLayer,
    SppBottleneck,
    XBottleneck,
)


class Times(nn.Module):
    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def forward(self, x):
        return x * self.factor


ONE = torch.ones(1, 1, 3, 3)


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        (DepthwiseConv(Times(2), Times(3)), [6]),
        (XBottleneck(Times(2), Times(3), add=False), [6]),
        (XBottleneck(Times(2), Times(3), add=True), [7]),
        (ResLayer(Times(2), Times(3)), [7]),
        (CspLayer(Times(2), Times(3), nn.Identity(), m=Times(5)), [10, 3]),
    ],
)
def test_a_block_computes_its_formula(block, expected):
    assert block(ONE)[0, :, 0, 0].tolist() == expected


def test_poolings_stand_behind_what_they_pool():
    image = torch.rand(1, 1, 9, 9)
    pools = nn.ModuleList(nn.MaxPool2d(side, 1, side // 2) for side in (3, 5))

    out = SppBottleneck(nn.Identity(), nn.Identity(), pools)(image)

    assert torch.equal(out[:, :1], image)
    assert out[0, 1, 4, 4] == image[0, 0, 3:6, 3:6].max()
    assert out[0, 2, 4, 4] == image[0, 0, 2:7, 2:7].max()
