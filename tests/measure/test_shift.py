"""The shift of the confidence scale, on detections whose shift is known."""

import numpy as np
import pytest

from edgekit.measure.fates import Change, changes
from edgekit.measure.shift import scores_of, shift_of
from edgekit.values import Boxes


def rows_of_boxes(scores_by_image):
    """Return detections that lie apart, one for each confidence."""
    return {
        image: Boxes(
            np.array([(50 * k, 0, 50 * k + 40, 40) for k in range(len(scores))], np.float32),
            np.array(scores, np.float32),
            np.zeros(len(scores), np.int64),
        )
        for image, scores in enumerate(scores_by_image)
    }


def shift_between(first, second):
    base, other = rows_of_boxes(first), rows_of_boxes(second)
    ids = sorted(base)
    return shift_of(changes(base, other, ids, 0.25), (base, other), ids)


def test_a_shift_that_is_the_same_everywhere_is_found():
    rng = np.random.default_rng(0)
    scores = rng.uniform(0.35, 0.9, (30, 4))

    shift = shift_between(scores, scores - 0.05)

    assert shift.pairs == 120
    assert (shift.median.value, shift.median.low, shift.median.high) == pytest.approx((-0.05,) * 3)
    assert shift.quantiles == pytest.approx((-0.05,) * 4)


def test_seen_from_the_other_side_the_shift_has_the_other_sign():
    rng = np.random.default_rng(1)
    first, second = rng.uniform(0.2, 0.9, (2, 30, 4))

    there, back = shift_between(first, second), shift_between(second, first)

    assert there.median.value == pytest.approx(-back.median.value)
    assert there.quantiles == pytest.approx([-q for q in reversed(back.quantiles)])


def test_two_equally_noisy_models_show_no_shift():
    rng = np.random.default_rng(2)
    scores = rng.uniform(0.1, 0.6, (300, 4))
    first, second = (scores + rng.normal(0, 0.05, scores.shape) for _ in range(2))

    shift = shift_between(first, second)

    assert shift.median.low < 0 < shift.median.high
    # Chosen by the first model alone, the same detections would show one.
    chosen = first >= 0.25
    assert np.median((second - first)[chosen]) < shift.median.low


def test_the_interval_is_over_images_and_not_over_their_detections():
    alike = np.repeat([[-0.1], [0.1]], 8, axis=0)
    base = np.full((16, 12), 0.6)

    shift = shift_between(base, base + alike)

    assert shift.pairs == 192
    assert (shift.median.low, shift.median.high) == pytest.approx((-0.1, 0.1))


def test_without_partners_there_is_no_shift():
    assert shift_between([[0.8]], [[0.01]]) is None


def test_a_detection_without_partner_has_a_confidence_of_nothing_beside_it():
    boxes = rows_of_boxes([[0.5]])

    assert scores_of(Change("missed", 0, 0, None), (boxes, boxes)) == (0.5, 0.0)
    assert scores_of(Change("new", 0, None, 0), (boxes, boxes)) == (0.0, 0.5)
