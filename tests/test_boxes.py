from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgekit.boxes import box_iou, clip, cxcywh_from_xyxy, nms, pair_up, xyxy_from_cxcywh
from edgekit.values import Boxes

seeds = st.integers(0, 2**32 - 1)


def random_boxes(seed: int, count: int = 60, classes: int = 3) -> Boxes:
    rng = np.random.default_rng(seed)
    corner, size = rng.uniform(0, 80, (count, 2)), rng.uniform(0, 40, (count, 2))
    size[rng.random(count) < 0.05] = 0
    xyxy = np.concatenate([corner, corner + size], axis=1).astype(np.float32)
    scores = rng.choice(np.linspace(0.1, 1, 40), count).astype(np.float32)
    return Boxes(xyxy, scores, rng.integers(0, classes, count))


def overlap(a, b) -> float:
    width = max(min(a[2], b[2]) - max(a[0], b[0]), 0.0)
    height = max(min(a[3], b[3]) - max(a[1], b[1]), 0.0)
    inner = width * height
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - inner
    return inner / union if inner > 0 else 0.0


def slow_nms(boxes: Boxes, iou: float, limit: int, *, class_aware: bool) -> list[int]:
    kept: list[int] = []
    for i in sorted(range(len(boxes)), key=lambda i: -boxes.scores[i]):
        rivals = (k for k in kept if not class_aware or boxes.classes[k] == boxes.classes[i])
        if all(overlap(boxes.xyxy[k], boxes.xyxy[i]) <= iou for k in rivals):
            kept.append(i)
    return kept[:limit]


@settings(deadline=None)
@given(seed=seeds)
def test_centre_and_corner_formats_are_inverse(seed):
    xyxy = random_boxes(seed).xyxy

    back = xyxy_from_cxcywh(cxcywh_from_xyxy(xyxy))

    np.testing.assert_allclose(back, xyxy, atol=1e-4)


@settings(deadline=None)
@given(seed=seeds)
def test_iou_is_symmetric_and_within_bounds_and_agrees_with_the_formula(seed):
    a, b = random_boxes(seed, 8).xyxy, random_boxes(seed + 1, 5).xyxy

    iou = box_iou(a, b)

    np.testing.assert_allclose(iou, box_iou(b, a).T, atol=1e-6)
    assert iou.min() >= 0
    assert iou.max() <= 1 + 1e-6
    np.testing.assert_allclose(iou, [[overlap(x, y) for y in b] for x in a], atol=1e-5)


def test_a_box_without_area_overlaps_nothing():
    point = np.float32([[5, 5, 5, 5]])

    assert box_iou(point, point) == 0


def test_clip_keeps_corners_inside_the_image():
    boxes = np.float32([[-5, -5, 700, 20], [10, 10, 20, 500]])

    inside = clip(boxes, (480, 640))

    np.testing.assert_array_equal(inside, [[0, 0, 640, 20], [10, 10, 20, 480]])


@settings(deadline=None)
@given(
    seed=seeds,
    iou=st.sampled_from([0.0, 0.45, 0.65, 0.9]),
    limit=st.sampled_from([1, 7, 1000]),
    class_aware=st.booleans(),
)
def test_nms_keeps_what_the_greedy_definition_keeps(seed, iou, limit, class_aware):
    boxes = random_boxes(seed)

    kept = nms(boxes, iou, limit, class_aware=class_aware)

    assert kept.tolist() == slow_nms(boxes, iou, limit, class_aware=class_aware)


@settings(deadline=None)
@given(seed=seeds)
def test_nms_is_idempotent(seed):
    boxes = random_boxes(seed)
    once = nms(boxes, 0.5, 100)
    left = Boxes(boxes.xyxy[once], boxes.scores[once], boxes.classes[once])

    assert nms(left, 0.5, 100).tolist() == list(range(len(once)))


@pytest.mark.parametrize("class_aware", [True, False])
def test_nms_of_nothing_is_nothing(class_aware):
    nothing = random_boxes(0, 0)

    assert len(nms(nothing, 0.5, 10, class_aware=class_aware)) == 0


@settings(max_examples=60, deadline=None)
@given(seed=seeds, rows=st.integers(0, 7), columns=st.integers(0, 7))
def test_pairs_are_those_that_taking_the_largest_overlap_again_and_again_gives(seed, rows, columns):
    iou = np.random.default_rng(seed).choice([0.0, 0.2, 0.5, 0.6, 0.9], (rows, columns))

    pairs = pair_up(iou, 0.5)

    left = iou.copy()
    expected = []
    while left.size and left.max() >= 0.5:
        row, column = np.unravel_index(left.argmax(), left.shape)
        expected.append((int(row), int(column)))
        left[row, :] = left[:, column] = -1
    assert pairs == expected
