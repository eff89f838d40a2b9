from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from edgekit.errors import HeadError
from edgekit.heads.refuse import refusal

GRIDS = ((8, 8), (4, 4), (2, 2))


def runner(*shapes):
    natural = {f"raw{i}": np.zeros(s, np.float32) for i, s in enumerate(shapes)}
    return SimpleNamespace(
        natural={**natural, "out": np.zeros((1, 7), np.float32)}, raws=tuple(natural)
    )


def maps(*channels):
    return [(1, c, *grid) for grid in GRIDS for c in channels]


@pytest.mark.parametrize(
    ("shapes", "scores", "name"),
    [
        ([(1, 1000)], set(), "classification"),
        ([(1, 10, 1, 1)], set(), "classification"),
        ([*maps(64, 80, 32), (1, 32, 16, 16)], {80}, "instance segmentation"),
        ([*maps(351), (1, 32, 16, 16)], set(), "instance segmentation"),
        (maps(64, 1, 51), {1}, "pose"),
        (maps(64, 15, 1), {15}, "oriented"),
        ([(1, 19, 64, 64)], set(), "heat map"),
        (maps(64, 80), set(), "no head"),
    ],
)
def test_a_network_that_is_no_detector_is_named(shapes, scores, name):
    error = refusal(runner(*shapes), ["out"], scores)

    assert isinstance(error, HeadError)
    assert name in str(error)
    assert "out [1, 7]" in str(error)
