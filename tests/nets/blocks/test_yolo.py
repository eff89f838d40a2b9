import numpy as np
import torch
from torch import nn
from torch.nn import functional

from edgekit.nets.blocks import yolo


class Scale(nn.Module):
    """A layer whose effect is easy to follow."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x):
        return self.factor * x


def test_a_conv_block_normalises_before_it_activates():
    block = yolo.ConvBlock(conv=Scale(2), bn=Scale(-1), act=nn.ReLU())

    assert block(torch.tensor([-1.0, 1.0])).tolist() == [2, 0]


def test_a_fused_conv_block_has_no_norm():
    block = yolo.ConvBlock(conv=Scale(2), act=nn.ReLU())

    assert block(torch.tensor([-1.0, 1.0])).tolist() == [0, 2]
    assert block.bn is None


def test_a_bottleneck_adds_its_input_only_when_told():
    x = torch.ones(1)

    assert yolo.Bottleneck(Scale(2), Scale(3), add=True)(x) == 7
    assert yolo.Bottleneck(Scale(2), Scale(3), add=False)(x) == 6


def test_c3_joins_the_deep_path_before_the_short_one():
    block = yolo.C3(cv1=Scale(2), cv2=Scale(3), cv3=Scale(10), m=Scale(5))

    assert block(torch.ones(1, 1)).tolist() == [[100, 30]]


def test_the_old_csp_block_normalises_both_paths_together():
    block = yolo.BottleneckCsp(
        cv1=Scale(2),
        cv2=Scale(-3),
        cv3=Scale(7),
        cv4=Scale(10),
        bn=Scale(1),
        act=nn.ReLU(),
        m=Scale(5),
    )

    assert block(torch.ones(1, 1)).tolist() == [[700, 0]]


def test_c2f_joins_what_every_inner_block_gives():
    x = torch.tensor([[1.0, 2.0]])
    block = yolo.C2f(Scale(1), Scale(1), nn.ModuleList([Scale(10), Scale(10)]))

    assert block(x).tolist() == [[1, 2, 20, 200]]


def test_pooling_in_a_row_spans_the_windows_of_parallel_pooling():
    x = torch.randn(1, 2, 20, 24)
    row = yolo.Sppf(nn.Identity(), nn.Identity(), nn.MaxPool2d(5, 1, 2))
    pools = nn.ModuleList(nn.MaxPool2d(k, 1, k // 2) for k in (5, 9, 13))

    parallel = yolo.Spp(nn.Identity(), nn.Identity(), pools)

    assert torch.equal(row(x), parallel(x))


def test_focus_is_a_convolution_of_twice_the_size_and_stride():
    torch.manual_seed(0)
    kernel = torch.randn(5, 12, 3, 3)
    conv = nn.Conv2d(12, 5, 3, 1, 1, bias=False)
    conv.weight.data = kernel
    x = torch.randn(2, 3, 8, 10)
    # Channel 3 * (2 * column + row) + c of the kernel sees pixel (row, column) of each 2 x 2.
    wide = kernel.reshape(5, 2, 2, 3, 3, 3).permute(0, 3, 4, 2, 5, 1).reshape(5, 3, 6, 6)

    found = yolo.Focus(conv)(x)

    expected = functional.conv2d(x, wide, stride=2, padding=2)
    np.testing.assert_allclose(found.detach(), expected, atol=1e-5)


def test_concat_joins_along_its_axis():
    maps = [torch.zeros(1, 2, 3), torch.ones(1, 1, 3)]

    assert yolo.Concat(d=1)(maps)[0, :, 0].tolist() == [0, 0, 1]
