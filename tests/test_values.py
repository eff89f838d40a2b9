from __future__ import annotations

from pathlib import Path

import numpy as np

from edgekit.values import Boxes, Dataset, ImageRecord, TensorStatistics, Truth

NONE = np.zeros((0, 4), np.float32)


def record(number, *, labelled):
    ids = np.zeros(0, np.int64)
    truth = Truth(NONE, ids, ids.astype(bool), NONE[:, 0]) if labelled else None
    return ImageRecord(number, Path("a.jpg"), truth=truth)


def test_a_data_set_is_labelled_when_every_image_is():
    both = (record(1, labelled=True), record(2, labelled=True))
    one = (record(1, labelled=True), record(2, labelled=False))

    assert Dataset("d", both).labelled
    assert not Dataset("d", one).labelled
    assert not Dataset("d", ()).labelled


def test_boxes_are_counted():
    assert len(Boxes(NONE, NONE[:, 0], np.zeros(0, np.int64))) == 0
    assert len(Boxes(np.ones((3, 4), np.float32), np.ones(3, np.float32), np.ones(3, int))) == 3


def test_bins_lie_evenly_and_symmetrically():
    counts = np.zeros(4, np.int64)
    statistics = TensorStatistics(-1.0, 2.0, -1.0, 2.0, 2.0, counts, NONE[:, 0])

    assert statistics.centers.tolist() == [-1.5, -0.5, 0.5, 1.5]
