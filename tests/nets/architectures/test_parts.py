import pytest
import torch
from torch import nn

from edgekit.nets.architectures.parts import (
    bottleneck,
    c2f,
    c3,
    conv,
    depthwise,
    focus,
    linear,
    spp,
    sppf,
)


def widths(module):
    return {
        name: (layer.in_channels, layer.out_channels)
        for name, layer in module.named_modules()
        if isinstance(layer, nn.Conv2d)
    }


@pytest.mark.parametrize("kernel", [1, 3, 6, 7])
@pytest.mark.parametrize("stride", [1, 2])
def test_only_the_stride_shrinks_a_map(kernel, stride):
    out = conv(3, 8, kernel, stride).eval()(torch.zeros(1, 3, 32, 32))

    side = 32 // stride - (kernel == 6 and stride == 1)
    assert out.shape == (1, 8, side, side)


def test_a_block_is_convolution_batch_norm_and_silu():
    block = conv(3, 8, 3)

    assert (block.conv.bias, block.bn.eps) == (None, 1e-3)
    assert isinstance(block.act, nn.SiLU)
    assert isinstance(linear(block).act, nn.Identity)


def test_a_depthwise_block_has_one_kernel_per_channel():
    assert depthwise(8, 7, 2).conv.weight.shape == (8, 1, 7, 7)


def test_a_bottleneck_narrows_to_its_hidden_width():
    found = bottleneck(8, 1, 4, add=True)

    assert widths(found) == {"cv1.conv": (8, 4), "cv2.conv": (4, 8)}
    assert (found.cv1.conv.kernel_size, found.cv2.conv.kernel_size) == ((1, 1), (3, 3))


def test_inner_blocks_have_half_the_width():
    found = widths(c3(6, 8, lambda width: conv(width, width), 2))

    assert found["m.0.conv"] == found["m.1.conv"] == (4, 4)
    assert (found["cv1.conv"], found["cv3.conv"]) == ((6, 4), (8, 8))


@pytest.mark.parametrize(("part", "width"), [(0.5, 4), (0.25, 2)])
def test_every_inner_block_widens_what_is_joined(part, width):
    found = widths(c2f(6, 8, lambda inner: conv(inner, inner), 3, part))

    assert found["cv1.conv"] == (6, 2 * width)
    assert found["cv2.conv"] == (5 * width, 8)


def test_four_maps_are_joined_after_pooling():
    assert widths(sppf(8)) == {"cv1.conv": (8, 4), "cv2.conv": (16, 8)}


def test_poolings_in_parallel_see_what_poolings_in_a_row_see():
    torch.manual_seed(0)
    parallel, row = spp(8).eval(), sppf(8).eval()
    image = torch.randn(1, 8, 20, 20)

    row.load_state_dict(parallel.state_dict())

    with torch.inference_mode():
        assert torch.equal(parallel(image), row(image))


def test_poolings_of_other_windows_are_joined_with_their_input():
    assert widths(spp(8, (3, 5)))["cv2.conv"] == (12, 8)


def test_a_focus_halves_an_image_without_losing_a_pixel():
    layer = focus(8)

    assert widths(layer) == {"conv.conv": (12, 8)}
    assert layer.eval()(torch.zeros(1, 3, 32, 64)).shape == (1, 8, 16, 32)
