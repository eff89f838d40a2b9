import math

import pytest
import torch
from torch import nn

from edgekit.nets.blocks.yolov7 import Implicit
from edgekit.nets.heads.anchors import AnchorHead, ImplicitAnchorHead

STRIDES = (8.0, 16.0)
ANCHORS = torch.tensor([[[1.0, 2.0], [3.0, 4.0]], [[5.0, 6.0], [7.0, 8.0]]])


@pytest.fixture
def head():
    return AnchorHead(nn.ModuleList([nn.Identity(), nn.Identity()]), ANCHORS, STRIDES)


def maps(classes=2):
    torch.manual_seed(1)
    return [torch.randn(1, 2 * (5 + classes), *size) for size in ((4, 6), (2, 3))]


def test_a_silent_map_puts_every_anchor_in_the_middle_of_its_cell(head):
    boxes = head([torch.zeros_like(x) for x in maps()])[0]

    # Level 1, second anchor, row 1, column 2.
    at = 2 * 24 + 6 + 1 * 3 + 2
    assert boxes[at].tolist() == [2.5 * 16, 1.5 * 16, 7 * 16, 8 * 16, 0.5, 0.5, 0.5]


def test_every_cell_and_anchor_follows_the_published_formula(head):
    given = maps()

    found = head(given)[0]

    expected = []
    for x, anchors, stride in zip(given, ANCHORS, STRIDES, strict=True):
        for at, (width, height) in enumerate(anchors.tolist()):
            for row in range(x.shape[2]):
                for column in range(x.shape[3]):
                    raw = x[0, at * 7 : at * 7 + 7, row, column].tolist()
                    s = [1 / (1 + math.exp(-value)) for value in raw]
                    expected.append(
                        [
                            (2 * s[0] - 0.5 + column) * stride,
                            (2 * s[1] - 0.5 + row) * stride,
                            (2 * s[2]) ** 2 * width * stride,
                            (2 * s[3]) ** 2 * height * stride,
                            *s[4:],
                        ]
                    )
    torch.testing.assert_close(found, torch.tensor(expected), rtol=1e-4, atol=1e-4)


def test_a_change_of_image_size_moves_no_anchor(head):
    head([torch.zeros(1, 14, 8, 8), torch.zeros(1, 14, 4, 4)])

    test_a_silent_map_puts_every_anchor_in_the_middle_of_its_cell(head)


def test_anchors_are_in_the_state_dictionary(head):
    assert list(head.state_dict()) == ["anchors"]


@torch.no_grad()
def test_learned_numbers_around_a_convolution_are_part_of_it():
    torch.manual_seed(4)
    convs = [nn.Conv2d(3, 14, 1) for _ in STRIDES]
    before = [torch.randn(1, 3, 1, 1) for _ in STRIDES]
    behind = [torch.randn(1, 14, 1, 1) for _ in STRIDES]
    given = [torch.randn(1, 3, 4, 6), torch.randn(1, 3, 2, 3)]

    found = ImplicitAnchorHead(
        nn.ModuleList(convs),
        ANCHORS,
        STRIDES,
        ia=nn.ModuleList(Implicit(numbers, multiplies=False) for numbers in before),
        im=nn.ModuleList(Implicit(numbers, multiplies=True) for numbers in behind),
    )(given)

    merged = []
    for conv, add, times in zip(convs, before, behind, strict=True):
        plain = nn.Conv2d(3, 14, 1)
        plain.weight.data = conv.weight * times.reshape(14, 1, 1, 1)
        bias = conv.weight[..., 0, 0] @ add.reshape(3) + conv.bias
        plain.bias.data = bias * times.reshape(14)
        merged.append(plain)
    expected = AnchorHead(nn.ModuleList(merged), ANCHORS, STRIDES)(given)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
