import math

import pytest
import torch
from torch import nn

from edgekit.nets.networks.pyramid import Pyramid
from edgekit.nets.networks.yolox import DecoupledHead, XFpn, XPafpn, Yolox

STRIDES = (8.0, 16.0, 32.0)
LISTS = {"stems": 2, "cls_convs": 2, "reg_convs": 2, "cls_preds": 3, "reg_preds": 4, "obj_preds": 1}


class Numbered(nn.Module):
    """Gives maps of which every value is the side."""

    def forward(self, image):
        return [torch.full((1, 1, side, side), float(side)) for side in (8, 4, 2)]


def identities(*names):
    return {name: nn.Identity() for name in names}


def values(maps):
    return [x[0, :, 0, 0].tolist() for x in maps]


def test_the_neck_goes_down_the_pyramid_and_up_again():
    names = ("lateral_conv0", "reduce_conv1", "C3_p4", "C3_p3", "C3_n3", "C3_n4")
    shrinking = {name: nn.MaxPool2d(2) for name in ("bu_conv1", "bu_conv2")}
    neck = XPafpn(Numbered(), **identities(*names), **shrinking)

    low = [2, 4, 8]
    assert values(neck(torch.zeros(1))) == [low, [*low, 2, 4], [*low, 2, 4, 2]]


def test_the_neck_of_yolov3_goes_down_only():
    neck = XFpn(Numbered(), **identities("out1_cbl", "out1", "out2_cbl", "out2"))

    assert values(neck(torch.zeros(1))) == [[2, 4, 8], [2, 4], [2]]


@pytest.fixture
def head():
    torch.manual_seed(0)
    lists = {
        name: nn.ModuleList(nn.Conv2d(2, width, 1) for _ in STRIDES)
        for name, width in LISTS.items()
    }
    return DecoupledHead(STRIDES, **lists).eval()


@torch.inference_mode()
def test_a_prediction_is_an_offset_a_power_and_probabilities(head):
    maps = [torch.randn(1, 2, side, side) for side in (4, 2, 1)]

    row = head(maps)[0, 16 + 1].tolist()

    # The second map, first row, second column.
    x = head.stems[1](maps[1])
    boxes, classes = head.reg_convs[1](x), head.cls_convs[1](x)
    dx, dy, w, h = head.reg_preds[1](boxes)[0, :, 0, 1].tolist()
    raw = [*head.obj_preds[1](boxes)[0, :, 0, 1], *head.cls_preds[1](classes)[0, :, 0, 1]]
    scores = [1 / (1 + math.exp(-float(value))) for value in raw]
    expected = [(dx + 1) * 16, dy * 16, math.exp(w) * 16, math.exp(h) * 16, *scores]
    assert row == pytest.approx(expected, rel=1e-4)


def test_the_network_is_neck_and_head_in_turn(head):
    grow = nn.Conv2d(3, 2, 1)
    backbone = Pyramid(grow, {str(i): nn.MaxPool2d(2) for i in range(3)}, maps=3)

    assert Yolox(backbone, head)(torch.zeros(1, 3, 16, 16)).shape == (1, 64 + 16 + 4, 8)
