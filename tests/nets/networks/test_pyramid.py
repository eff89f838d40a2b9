import torch
from torch import nn

from edgekit.nets.networks.pyramid import Pyramid


def halving():
    return nn.MaxPool2d(2)


def test_the_last_maps_come_out_finest_first():
    backbone = Pyramid(halving(), {"a": halving(), "b": halving(), "c": halving()}, maps=2)

    assert [tuple(x.shape[2:]) for x in backbone(torch.zeros(1, 1, 32, 16))] == [(4, 2), (2, 1)]


def test_stages_keep_their_names_and_run_in_the_order_given():
    stages = {"late": nn.Conv2d(1, 2, 1), "early": nn.Conv2d(2, 3, 1)}

    backbone = Pyramid(nn.Identity(), stages, maps=2)

    assert {key.partition(".")[0] for key in backbone.state_dict()} == {"late", "early"}
    assert [x.shape[1] for x in backbone(torch.zeros(1, 1, 2, 2))] == [2, 3]
