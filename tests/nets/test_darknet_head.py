import math

import pytest
import torch

from edgekit.nets.darknet_head import YoloHead, YoloLayer

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
