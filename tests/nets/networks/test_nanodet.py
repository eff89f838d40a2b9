import torch
from torch import nn

from edgekit.nets.networks.nanodet import (
    GhostPan,
    NanoDet,
    NanoDetHead,
    Projection,
    ShuffleBackbone,
)


class Times(nn.Module):
    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def forward(self, x):
        return x * self.factor


class Halve(nn.Module):
    def forward(self, x):
        return x[:, :, ::2, ::2]


class First(nn.Module):
    """The sum of both maps that are side by side."""

    def forward(self, x):
        return x.sum(1, keepdim=True)


def listed(*parts):
    return nn.ModuleList(parts)


def test_a_backbone_gives_the_maps_of_its_three_stages():
    backbone = ShuffleBackbone(Times(1.0), [Times(2.0), Times(3.0), Times(5.0)])

    maps = backbone(torch.ones(1, 1, 4, 4))

    assert [x.shape[-1] for x in maps] == [2, 2, 2]
    assert [x.max().item() for x in maps] == [2, 6, 30]


def test_maps_are_joined_on_the_way_down_and_up_and_one_is_added():
    pan = GhostPan(
        reduce_layers=listed(Times(1.0), Times(10.0)),
        top_down_blocks=listed(First()),
        downsamples=listed(Halve()),
        bottom_up_blocks=listed(First()),
        extra_lvl_in_conv=listed(Halve()),
        extra_lvl_out_conv=listed(Halve()),
    )

    fine, coarse, extra = pan([torch.ones(1, 1, 4, 4), torch.ones(1, 1, 2, 2)])

    # Down: 10 + 1; up: 11 + 10; the extra level: what was read, 10, and 21.
    assert (fine.max().item(), coarse.max().item(), extra.max().item()) == (11, 21, 31)
    assert [x.shape[-1] for x in (fine, coarse, extra)] == [4, 2, 1]


def test_scores_come_first_and_only_they_are_activated():
    last = nn.Conv2d(1, 3 + 4 * 2, 1, bias=False)
    last.weight.data = torch.arange(11.0).reshape(11, 1, 1, 1) - 1
    head = NanoDetHead(listed(Times(1.0)), listed(last), 2)

    rows = head([torch.ones(1, 1, 1, 2)])

    assert rows.shape == (1, 2, 11)
    torch.testing.assert_close(rows[0, 0, :3], torch.tensor([-1.0, 0, 1]).sigmoid())
    assert rows[0, 1, 3:].tolist() == [2, 3, 4, 5, 6, 7, 8, 9]


def test_parts_for_training_are_kept_and_not_run():
    network = NanoDet(Times(2.0), Times(3.0), Times(5.0), aux_head=nn.Conv2d(1, 1, 1))

    assert network(torch.ones(1)).item() == 30
    assert "aux_head.weight" in network.state_dict()
    assert Projection(3).project.tolist() == [0, 1, 2]
