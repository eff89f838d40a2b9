import math

import pytest
import torch

from edgekit.nets.darknet.head import CellHead, RegionHead, YoloHead, YoloLayer

ANCHORS = ((10.0, 14.0), (23.0, 27.0))
OUTPUTS = 7


def logistic(value):
    return 1 / (1 + math.exp(-value))


@pytest.mark.parametrize("scale", [1.0, 1.2])
@pytest.mark.parametrize("activated", [False, True])
def test_a_prediction_is_an_anchor_moved_and_scaled(scale, activated):
    torch.manual_seed(0)
    x = torch.rand(1, 2 * OUTPUTS, 3, 4)
    head = YoloHead((YoloLayer(ANCHORS, 16, scale, activated),))

    # The second anchor in the last row, third column.
    row = head([x])[0, 12 + 2 * 4 + 2].tolist()

    dx, dy, w, h, *scores = x[0, OUTPUTS:, 2, 2].tolist()
    act = (lambda value: value) if activated else logistic
    grow = (lambda value: (2 * value) ** 2) if activated else math.exp
    centre = [(act(d) * scale - (scale - 1) / 2 + cell) * 16 for d, cell in ((dx, 2), (dy, 2))]
    expected = [*centre, 23 * grow(w), 27 * grow(h), *map(act, scores)]
    assert row == pytest.approx(expected, rel=1e-5)


def test_levels_stand_one_after_the_other():
    head = YoloHead((YoloLayer(ANCHORS, 32), YoloLayer(ANCHORS, 16)))
    maps = [torch.zeros(2, 2 * OUTPUTS, side, side) for side in (1, 2)]

    rows = head(maps)

    assert rows.shape == (2, 2 + 8, OUTPUTS)
    assert rows[0, :3, 0].tolist() == [16, 16, 8]


@pytest.mark.parametrize("shares", [True, False])
def test_a_region_has_its_scores_times_objectness(shares):
    torch.manual_seed(0)
    x = torch.randn(1, 2 * OUTPUTS, 3, 4)
    head = RegionHead(YoloLayer(ANCHORS, 16), shares=shares)

    row = head([x])[0, 12 + 2 * 4 + 2].tolist()

    dx, dy, w, h, objectness, *logits = x[0, OUTPUTS:, 2, 2].tolist()
    total = sum(math.exp(value) for value in logits)
    classes = [math.exp(v) / total if shares else logistic(v) for v in logits]
    scores = [logistic(objectness) * value for value in classes]
    boxes = [(logistic(d) + 2) * 16 for d in (dx, dy)] + [23 * math.exp(w), 27 * math.exp(h)]
    assert row == pytest.approx([*boxes, *scores], rel=1e-5)


@pytest.mark.parametrize("roots", [True, False])
def test_boxes_of_a_cell_share_its_classes(roots):
    # 2 x 2 cells of 3 classes, then 8 confidences, then 8 boxes.
    x = torch.arange(12 + 8 + 32.0).reshape(1, -1)

    rows = CellHead(2, 2, roots=roots)([x])

    # The second box of the cell at the right below.
    assert rows.shape == (1, 8, 7)
    w, h = (50, 51) if not roots else (50**2, 51**2)
    assert rows[0, 7].tolist() == [(48 + 1) / 2, (49 + 1) / 2, w, h, 19 * 9, 19 * 10, 19 * 11]
