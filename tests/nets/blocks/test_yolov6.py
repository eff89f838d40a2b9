import torch
from torch import nn

from edgekit.nets.blocks.yolov6 import BiFusion, CspSppf, Enlarge, RepBlock


class Times(nn.Module):
    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def forward(self, x):
        return x * self.factor


def test_a_block_of_one_layer_is_that_layer():
    assert RepBlock(Times(3))(torch.tensor(2.0)) == 6
    assert RepBlock(Times(3), nn.Sequential(Times(5), Times(7)))(torch.tensor(2.0)) == 210


def test_pooled_and_passed_channels_stand_side_by_side():
    image = torch.rand(1, 1, 12, 12)
    same = {f"cv{i}": nn.Identity() for i in (1, 3, 4, 5, 6, 7)}

    out = CspSppf(nn.MaxPool2d(5, 1, 2), cv2=Times(-1), **same)(image)

    windows = [nn.functional.max_pool2d(image, k, 1, k // 2) for k in (5, 9, 13)]
    torch.testing.assert_close(out, torch.cat([-image, image, *windows], 1))


def test_each_pixel_becomes_a_learned_square():
    layer = nn.ConvTranspose2d(1, 1, 2, 2, bias=False)
    nn.init.constant_(layer.weight, 1.0)
    image = torch.rand(1, 1, 2, 3)

    expected = image.repeat_interleave(2, 2).repeat_interleave(2, 3)

    torch.testing.assert_close(Enlarge(layer)(image), expected)


def test_three_sizes_meet_at_that_of_the_middle_map_coarse_first():
    block = BiFusion(
        nn.Upsample(scale_factor=2),
        nn.AvgPool2d(2),
        cv1=nn.Identity(),
        cv2=nn.Identity(),
        cv3=nn.Identity(),
    )
    maps = (torch.full((1, 1, side, side), float(side)) for side in (2, 4, 8))

    out = block(*maps)

    assert out.shape == (1, 3, 4, 4)
    assert out[0, :, 0, 0].tolist() == [2, 4, 8]
