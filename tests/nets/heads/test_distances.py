import numpy as np
import pytest
import torch
from torch import nn

from edgekit.nets.heads.distances import (
    DistanceHead,
    EndToEndHead,
    Expectation,
    MainDistanceHead,
)

STRIDES = (8.0, 16.0)
BINS = 4
CLASSES = 3


class Channels(nn.Module):
    """A range of channels of a map."""

    def __init__(self, start: int, stop: int) -> None:
        super().__init__()
        self.range = slice(start, stop)

    def forward(self, x):
        return x[:, self.range]


def branches():
    boxes = nn.ModuleList(Channels(0, 4 * BINS) for _ in STRIDES)
    classes = nn.ModuleList(Channels(4 * BINS, 4 * BINS + CLASSES) for _ in STRIDES)
    return boxes, classes


def expectation():
    conv = nn.Conv2d(BINS, 1, 1, bias=False)
    conv.weight.data = torch.arange(float(BINS)).reshape(1, BINS, 1, 1)
    return Expectation(conv)


@pytest.fixture
def maps():
    torch.manual_seed(2)
    channels = 4 * BINS + CLASSES
    return [3 * torch.randn(2, channels, *size) for size in ((4, 6), (2, 3))]


def expected_xyxy(maps, image):
    """Boxes and scores of one image, place by place."""
    boxes, scores = [], []
    for x, stride in zip(maps, STRIDES, strict=True):
        for row in range(x.shape[2]):
            for column in range(x.shape[3]):
                raw = x[image, :, row, column].double().numpy()
                shares = np.exp(raw[: 4 * BINS]).reshape(4, BINS)
                left, top, right, bottom = shares @ np.arange(BINS) / shares.sum(1)
                x1, y1 = column + 0.5 - left, row + 0.5 - top
                x2, y2 = column + 0.5 + right, row + 0.5 + bottom
                boxes.append(np.array([x1, y1, x2, y2]) * stride)
                scores.append(1 / (1 + np.exp(-raw[4 * BINS :])))
    return np.array(boxes), np.array(scores)


@torch.no_grad()
def test_boxes_are_centre_and_size_of_the_mean_distances(maps):
    found = DistanceHead(*branches(), expectation(), STRIDES)(maps)

    boxes, scores = expected_xyxy(maps, image=1)
    assert found.shape == (2, 4 + CLASSES, 30)
    np.testing.assert_allclose(found[1, :2].T, (boxes[:, :2] + boxes[:, 2:]) / 2, rtol=1e-4)
    np.testing.assert_allclose(found[1, 2:4].T, boxes[:, 2:] - boxes[:, :2], rtol=1e-4)
    np.testing.assert_allclose(found[1, 4:].T, scores, rtol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("count", [1, 7, 30])
def test_the_best_pairs_of_box_and_class_come_first(maps, count):
    found = EndToEndHead(branches(), expectation(), STRIDES, count)(maps)

    for image, detections in enumerate(found.numpy()):
        boxes, scores = expected_xyxy(maps, image)
        order = np.argsort(-scores, axis=None)[:count]
        places, labels = np.unravel_index(order, scores.shape)
        np.testing.assert_allclose(detections[:, :4], boxes[places], rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(detections[:, 4], scores[places, labels], rtol=1e-5)
        np.testing.assert_array_equal(detections[:, 5], labels)


@torch.no_grad()
def test_a_small_image_gives_as_many_detections_as_it_has_places(maps):
    assert EndToEndHead(branches(), expectation(), STRIDES, 300)(maps).shape == (2, 30, 6)


@torch.no_grad()
def test_the_main_branches_of_two_decode_like_the_only_ones(maps):
    main = MainDistanceHead(*branches(), expectation(), STRIDES)

    assert torch.equal(main(maps), DistanceHead(*branches(), expectation(), STRIDES)(maps))
    assert list(main.state_dict()) == ["dfl2.conv.weight"]
