import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from edgekit.boxes import box_iou
from edgekit.nets.networks.repvgg_detector import Maps, places
from examples.training.assign import Objects, assign, pairwise_iou
from examples.training.loss import detection_loss, distribution_loss, generalized_iou

SIZES = [torch.Size((8, 8)), torch.Size((4, 4)), torch.Size((2, 2))]


def boxes(count, seed):
    rng = np.random.default_rng(seed)
    corner, size = rng.uniform(0, 50, (count, 2)), rng.uniform(5, 30, (count, 2))
    return np.concatenate([corner, corner + size], 1).astype(np.float32)


@given(seed=st.integers(0, 2**32 - 1))
def test_pairwise_iou_is_that_of_the_package(seed):
    a, b = boxes(3, seed), boxes(5, seed + 1)

    found = pairwise_iou(torch.from_numpy(a)[None], torch.from_numpy(b)[None])[0]

    np.testing.assert_allclose(found, box_iou(a, b), atol=1e-6)


def test_generalized_iou_is_one_for_equal_boxes_and_negative_for_distant_ones():
    box = torch.tensor([[0.0, 0.0, 10.0, 10.0]])
    far = torch.tensor([[90.0, 0.0, 100.0, 10.0]])

    assert generalized_iou(box, box).item() == pytest.approx(1.0)
    # Union 200 in a hull of 1000.
    assert generalized_iou(box, far).item() == pytest.approx(-0.8)


def test_a_distribution_on_the_two_bins_around_a_side_is_as_good_as_it_gets():
    share = torch.full((1, 4, 16), 1e-6)
    share[..., 3], share[..., 4] = 0.75, 0.25
    sides = torch.full((1, 4), 3.25)

    right = distribution_loss(share.log(), sides)
    shifted = distribution_loss(share.log().roll(2, -1), sides)

    assert right.item() == pytest.approx(-(0.75 * np.log(0.75) + 0.25 * np.log(0.25)), rel=1e-3)
    assert shifted > right + 5


def one_object(xyxy, digit):
    return Objects(
        torch.tensor([[xyxy, [0.0, 0.0, 0.0, 0.0]]]),
        torch.tensor([[digit, 0]]),
        torch.tensor([[True, False]]),
    )


def test_only_places_in_an_object_answer_for_it_and_its_padding_gets_none():
    centres, _ = places(SIZES, torch.zeros(1))
    scores, predicted = torch.full((1, 84, 10), 0.01), torch.zeros(1, 84, 4)
    objects = one_object([16.0, 16.0, 40.0, 48.0], 7)

    assigned = assign(scores, predicted, centres, objects)

    answering = centres[assigned.positive[0]]
    assert 1 <= len(answering) <= 10
    assert (answering > torch.tensor([16.0, 16.0])).all()
    assert (answering < torch.tensor([40.0, 48.0])).all()
    assert assigned.xyxy[assigned.positive].unique(dim=0).tolist() == [[16.0, 16.0, 40.0, 48.0]]


def test_the_place_that_fits_best_is_to_score_its_iou_in_its_class():
    centres, _ = places(SIZES, torch.zeros(1))
    objects = one_object([16.0, 16.0, 40.0, 48.0], 7)
    predicted = torch.zeros(1, 84, 4)
    inside = int(((centres - torch.tensor([28.0, 28.0])).abs().sum(1)).argmin())
    predicted[0, inside] = torch.tensor([16.0, 16.0, 40.0, 32.0])

    assigned = assign(torch.full((1, 84, 10), 0.5), predicted, centres, objects)

    assert assigned.scores[0, inside].argmax() == 7
    assert assigned.scores[0, inside, 7].item() == pytest.approx(0.5)


def test_a_few_steps_down_the_gradient_make_the_loss_smaller():
    centres, strides = places(SIZES, torch.zeros(1))
    objects = one_object([16.0, 16.0, 40.0, 48.0], 7)
    logits = torch.full((1, 84, 10), -3.0, requires_grad=True)
    distances = torch.zeros(1, 84, 4, 16, requires_grad=True)
    optimizer = torch.optim.Adam([logits, distances], lr=0.2)
    losses = []
    for _ in range(30):
        loss = detection_loss(Maps(logits, distances), centres, strides, objects)
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    assert losses[-1] < 0.5 * losses[0]


def test_a_batch_without_objects_has_a_loss_too():
    centres, strides = places(SIZES, torch.zeros(1))
    nothing = Objects(
        torch.zeros(1, 2, 4), torch.zeros(1, 2).long(), torch.zeros(1, 2, dtype=torch.bool)
    )
    logits = torch.zeros(1, 84, 10, requires_grad=True)

    loss = detection_loss(Maps(logits, torch.zeros(1, 84, 4, 16)), centres, strides, nothing)
    loss.backward()

    assert torch.isfinite(loss)
    assert (logits.grad > 0).all()
