import numpy as np
import pytest

from edgekit.measure.recall import average_recall


def test_what_has_no_object_is_left_out_of_the_mean():
    recall = np.full((10, 3, 4, 3), -1.0)
    recall[:, :2, 0, :] = np.array([[0.2, 0.4, 0.6], [0.4, 0.6, 0.8]])
    recall[:, 1, 3, 2] = np.linspace(0, 0.9, 10)

    found = average_recall(recall)

    assert (found.ar1, found.ar10, found.ar100) == pytest.approx((0.3, 0.5, 0.7))
    assert (found.small, found.medium) == (None, None)
    assert found.large == pytest.approx(0.45)
