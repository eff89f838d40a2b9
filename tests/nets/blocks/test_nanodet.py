import torch
from torch import nn
from torch.nn import functional

from edgekit.nets.blocks.nanodet import GhostModule, GhostResidual, SeparableConv


class Times(nn.Module):
    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def forward(self, x):
        return x * self.factor


def test_channels_are_mixed_after_each_was_filtered():
    torch.manual_seed(0)
    x = torch.randn(1, 2, 5, 5)
    around = nn.Conv2d(2, 2, 3, 1, 1, groups=2, bias=False)
    across = nn.Conv2d(2, 3, 1, bias=False)
    block = SeparableConv(around, across, nn.ReLU()).eval()

    found = block(x)

    shrunk = (1 + 1e-5) ** -0.5
    hidden = torch.relu(functional.conv2d(x, around.weight, padding=1, groups=2) * shrunk)
    expected = torch.relu(functional.conv2d(hidden, across.weight) * shrunk)
    torch.testing.assert_close(found, expected)


def test_the_cheap_half_stands_behind_the_other():
    found = GhostModule(Times(2.0), Times(5.0))(torch.ones(1, 1, 1, 1))

    assert found.flatten().tolist() == [2, 10]


def test_the_input_is_added_by_way_of_the_shortcut():
    assert GhostResidual(Times(2.0), Times(3.0), Times(5.0))(torch.ones(1)).item() == 11
