import numpy as np
import pytest
import torch

from edgekit.nets.networks.repvgg_detector import (
    STRIDES,
    RepVggDetector,
    RepVggDetectorOptions,
    boxes_xyxy,
    places,
)


@pytest.fixture(scope="module")
def detector():
    torch.manual_seed(0)
    return RepVggDetector(RepVggDetectorOptions(classes=3)).eval()


def test_one_prediction_for_every_place_of_every_stride(detector):
    predictions = detector(torch.zeros(2, 3, 64, 96))

    assert predictions.shape == (2, 4 + 3, sum((64 // s) * (96 // s) for s in STRIDES))


def test_scores_are_probabilities_and_low_before_training(detector):
    scores = detector(torch.rand(1, 3, 64, 64))[:, 4:]

    assert scores.min() > 0
    assert scores.max() < 0.2


def test_places_are_the_middles_of_their_cells_row_by_row():
    sizes = [torch.Size((64 // s, 64 // s)) for s in STRIDES]

    centres, strides = places(sizes, torch.zeros(1))

    assert centres[:3].tolist() == [[4, 4], [12, 4], [20, 4]]
    assert centres[-1].tolist() == [48, 48]
    assert strides.unique(return_counts=True)[1].tolist() == [64, 16, 4]


def test_a_sure_distribution_puts_each_side_at_its_bin():
    sides = [1, 2, 3, 4]
    distances = torch.full((1, 1, 4, 16), -50.0)
    for side, at in enumerate(sides):
        distances[0, 0, side, at] = 50.0

    boxes = boxes_xyxy(distances, torch.tensor([[100.0, 100.0]]), torch.tensor([[8.0]]))

    np.testing.assert_allclose(boxes[0, 0], [92, 84, 124, 132], rtol=1e-6)


def test_an_undecided_distribution_puts_each_side_in_the_middle():
    boxes = boxes_xyxy(torch.zeros(1, 1, 4, 16), torch.zeros(1, 2), torch.ones(1, 1))

    np.testing.assert_allclose(boxes[0, 0], [-7.5, -7.5, 7.5, 7.5], rtol=1e-6)


def test_the_head_learns_from_both_ends_of_a_box(detector):
    features = detector.features(torch.rand(1, 3, 64, 64))
    maps = detector.maps(features)

    assert maps.logits.shape == (1, 84, 3)
    assert maps.distances.shape == (1, 84, 4, 16)
    first = detector.heads[0](features[0])[1]
    np.testing.assert_allclose(
        maps.distances[0, 9].detach().reshape(-1), first[0, :, 1, 1].detach(), rtol=1e-5
    )
