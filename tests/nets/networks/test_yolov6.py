import numpy as np
import pytest
import torch
from torch import nn

from edgekit.nets.blocks.yolov6 import BiFusion
from edgekit.nets.networks.yolov6 import EfficientHead, RepBiFpan, RepPan, YoloV6

STRIDES = (8.0, 16.0, 32.0)
NECK = ("reduce_layer0", "reduce_layer1", "Rep_p3", "Rep_p4", "Rep_n3", "Rep_n4")


def identities(names):
    return {name: nn.Identity() for name in names}


def shrinking():
    return {f"downsample{i}": nn.MaxPool2d(2) for i in (1, 2)}


def levels(*sides):
    return [torch.full((1, 1, side, side), float(side)) for side in sides]


def values(maps):
    return [x[0, :, 0, 0].tolist() for x in maps]


def test_a_neck_of_three_maps_joins_each_with_what_is_coarser_then_finer():
    upward = {f"upsample{i}": nn.Upsample(scale_factor=2) for i in (0, 1)}
    neck = RepPan(**identities(NECK), **shrinking(), **upward)

    found = values(neck(levels(16, 8, 4)))

    low = [4, 8, 16]
    assert found == [low, [*low, 4, 8], [*low, 4, 8, 4]]


def test_a_neck_of_four_maps_reads_the_finest_and_gives_none_of_its_size():
    def fusion():
        parts = identities(("cv1", "cv2", "cv3"))
        return BiFusion(nn.Upsample(scale_factor=2), nn.MaxPool2d(2), **parts)

    neck = RepBiFpan(**identities(NECK), **shrinking(), Bifusion0=fusion(), Bifusion1=fusion())

    maps = neck(levels(32, 16, 8, 4))

    side = [4, 8, 16]
    low = [*side, 16, 32]
    assert [x.shape[-1] for x in maps] == [16, 8, 4]
    assert values(maps) == [low, [*low, *side], [*low, *side, 4]]


def head(outputs, reads=("cls_preds", "reg_preds")):
    torch.manual_seed(0)

    def lists(width):
        return nn.ModuleList(nn.Conv2d(2, width, 1) for _ in STRIDES)

    bins = torch.arange(5.0)
    mean = nn.Conv2d(5, 1, 1, bias=False)
    mean.weight = nn.Parameter(bins.reshape(1, 5, 1, 1))
    same = {name: nn.ModuleList(nn.Identity() for _ in STRIDES) for name in NAMES}
    return EfficientHead(
        reads, STRIDES, bins, proj_conv=mean, **same, **{k: lists(v) for k, v in outputs.items()}
    ).eval()


NAMES = ("stems", "cls_convs", "reg_convs")


def features():
    torch.manual_seed(1)
    return [torch.randn(1, 2, side, side) for side in (4, 2, 1)]


@pytest.mark.parametrize("bins", [1, 5])
def test_boxes_are_distances_from_the_middle_of_each_cell(bins):
    network = head({"cls_preds": 3, "reg_preds": 4 * bins})
    maps = features()

    rows = network(maps)[0].detach().numpy()

    # The second map, second row, first column.
    place, x = 16 + 2, maps[1][0, :, 1, 0]
    raw = network.reg_preds[1].weight[..., 0, 0] @ x + network.reg_preds[1].bias
    sides = raw.detach().numpy()
    if bins > 1:
        shares = np.exp(sides.reshape(4, bins))
        sides = (shares * np.arange(bins)).sum(1) / shares.sum(1)
    left, top, right, bottom = sides * 16
    x0, y0, x1, y1 = 8 - left, 24 - top, 8 + right, 24 + bottom
    expected = [(x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0, 1.0]
    np.testing.assert_allclose(rows[place, :5], expected, rtol=1e-4)


def test_scores_are_sigmoids_of_the_predictions_of_classes():
    network = head({"cls_preds": 3, "reg_preds": 4})
    maps = features()

    scores = network(maps)[0, -1, 5:]

    raw = network.cls_preds[2](maps[2])[0, :, 0, 0]
    torch.testing.assert_close(scores, 1 / (1 + (-raw).exp()))


def test_predictions_for_training_are_kept_and_not_read():
    outputs = {"cls_preds": 3, "reg_preds": 20, "reg_preds_lrtb": 4}
    network = head(outputs, ("cls_preds", "reg_preds_lrtb"))
    maps = features()
    before = network(maps)

    for part in network.reg_preds:
        nn.init.zeros_(part.weight)

    assert torch.equal(network(maps), before)
    assert any(key.startswith("reg_preds.") for key in network.state_dict())


def test_the_network_is_backbone_neck_and_head_in_turn():
    steps = [nn.Upsample(scale_factor=n) for n in (2, 3, 5)]

    assert YoloV6(*steps)(torch.zeros(1, 3, 1, 1)).shape == (1, 3, 30, 30)
