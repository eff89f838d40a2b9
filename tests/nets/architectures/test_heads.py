import pytest
import torch

from edgekit.nets.architectures.heads import (
    anchor_branches,
    anchors_in_cells,
    anchors_in_pixels,
    box_branches,
    class_branches,
    class_width,
    expectation,
    slim_class_branches,
)

MAPS = [torch.zeros(1, width, 4, 4) for width in (24, 48)]


@pytest.mark.parametrize("make", [class_branches, slim_class_branches])
def test_class_branches_give_a_score_per_class(make):
    branches = make([24, 48], 7, 16)

    outs = [branch.eval()(x) for branch, x in zip(branches, MAPS, strict=True)]
    assert [out.shape[1] for out in outs] == [7, 7]


@pytest.mark.parametrize("groups", [1, 4])
def test_box_branches_give_four_distributions(groups):
    branches = box_branches([24, 48], groups)

    outs = [branch.eval()(x) for branch, x in zip(branches, MAPS, strict=True)]
    assert [out.shape[1] for out in outs] == [64, 64]
    assert {branch[-1].groups for branch in branches} == {groups}


@pytest.mark.parametrize(
    ("finest", "classes", "expected"), [(64, 80, 80), (64, 3, 64), (64, 365, 100), (128, 80, 128)]
)
def test_a_class_branch_is_as_wide_as_its_map_or_its_classes(finest, classes, expected):
    assert class_width(finest, classes) == expected


def test_the_mean_of_a_certain_distribution_is_its_distance():
    certain = torch.full((1, 64, 1), -100.0)
    for side, distance in enumerate((0, 3, 9, 15)):
        certain[0, 16 * side + distance] = 100.0

    assert expectation()(certain)[0, :, 0].tolist() == [0, 3, 9, 15]


def test_anchors_are_measured_in_cells_of_their_map():
    cells = anchors_in_cells(((8, 16), (16, 48), (32, 320)))

    assert cells.tolist() == [[[1, 2]], [[1, 3]], [[1, 10]]]


def test_anchors_in_pixels_are_those_in_cells_times_the_stride():
    pixels = ((8, 16, 24, 8), (16, 48, 32, 32), (32, 320, 64, 32))

    found = anchors_in_pixels(pixels)

    assert found.shape == (3, 1, 2, 1, 1, 2)
    strides = torch.tensor([8.0, 16.0, 32.0]).reshape(3, 1, 1)
    assert torch.equal(found.squeeze(), anchors_in_cells(pixels) * strides)


def test_every_anchor_of_a_cell_has_its_own_prediction():
    assert [layer.out_channels for layer in anchor_branches([8, 16], 7)] == [36, 36]
