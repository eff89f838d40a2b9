import numpy as np
import pytest
import torch
from torch.nn import functional as F  # noqa: N812  (its usual name)

from tests.calibrate.backward.against_torch import (
    IMAGE,
    assert_as_torch,
    built,
    gradient,
    random,
    tensor,
)

W = random(6, 4, 3, 3)
GROUPED = random(6, 2, 3, 3)
DEPTHWISE = random(4, 1, 5, 5)


def _averages(x, *, include):
    padded = F.pad(x, (0, 1, 1, 1))
    counts = torch.ones_like(padded) if include else F.pad(torch.ones_like(x), (0, 1, 1, 1))
    total = F.avg_pool2d(padded, (3, 2), (2, 1), divisor_override=1)
    return total / F.avg_pool2d(counts, (3, 2), (2, 1), divisor_override=1)


# name: (nodes from x to y, initializers, the same in torch)
CASES = {
    "average pool": (
        "y = AveragePool <kernel_shape=[3,2], strides=[2,1], pads=[1,0,1,1]>(x)",
        {},
        lambda x: _averages(x, include=False),
    ),
    "average pool with padding counted": (
        (
            "y = AveragePool <kernel_shape=[3,2], strides=[2,1], pads=[1,0,1,1], "
            "count_include_pad=1>(x)"
        ),
        {},
        lambda x: _averages(x, include=True),
    ),
    "conv": (
        "y = Conv <pads=[1,1,1,1]>(x, w)",
        {"w": W},
        lambda x: F.conv2d(x, tensor(W), padding=1),
    ),
    "conv strided": (
        "y = Conv <pads=[1,1,1,1], strides=[2,3]>(x, w)",
        {"w": W},
        lambda x: F.conv2d(x, tensor(W), padding=1, stride=(2, 3)),
    ),
    "conv dilated and lopsided": (
        "y = Conv <pads=[2,0,1,2], dilations=[2,1]>(x, w)",
        {"w": W},
        lambda x: F.conv2d(F.pad(x, (0, 2, 2, 1)), tensor(W), dilation=(2, 1)),
    ),
    "conv grouped": (
        "y = Conv <group=2, strides=[2,2]>(x, w)",
        {"w": GROUPED},
        lambda x: F.conv2d(x, tensor(GROUPED), stride=2, groups=2),
    ),
    "conv in groups": (
        "y = Conv <group=2>(x, w)",
        {"w": GROUPED},
        lambda x: F.conv2d(x, tensor(GROUPED), groups=2),
    ),
    "conv per channel": (
        "y = Conv <group=4, pads=[2,2,2,2]>(x, w)",
        {"w": DEPTHWISE},
        lambda x: F.conv2d(x, tensor(DEPTHWISE), padding=2, groups=4),
    ),
    "conv padded wider than its kernel": (
        "y = Conv <pads=[3,3,3,3]>(x, w)",
        {"w": W},
        lambda x: F.conv2d(x, tensor(W), padding=3),
    ),
    "max pool": (
        "y = MaxPool <kernel_shape=[3,3], strides=[2,2], pads=[1,1,1,1]>(x)",
        {},
        lambda x: F.max_pool2d(x, 3, 2, 1),
    ),
    "max pool stepping by one": (
        "y = MaxPool <kernel_shape=[5,5], pads=[2,2,2,2]>(x)",
        {},
        lambda x: F.max_pool2d(x, 5, 1, 2),
    ),
    "max pool that leaves a rest": (
        "y = MaxPool <kernel_shape=[2,2], strides=[2,2]>(x)",
        {},
        lambda x: F.max_pool2d(x, 2),
    ),
    "max pool beyond the edge": (
        "y = MaxPool <kernel_shape=[2,2], strides=[2,2], ceil_mode=1>(x)",
        {},
        lambda x: F.max_pool2d(x, 2, ceil_mode=True),
    ),
    "enlarge": (
        (
            'y = Resize <mode="nearest", coordinate_transformation_mode="asymmetric", '
            'nearest_mode="floor">(x, , s)'
        ),
        {"s": np.array([1, 1, 2, 3], np.float32)},
        lambda x: F.interpolate(x, scale_factor=(2, 3)),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_gradient_is_what_torch_makes_of_it(name):
    assert_as_torch(*CASES[name])


def test_equal_values_of_a_window_share_its_gradient():
    graph = built(
        "m = MaxPool <kernel_shape=[3,3], pads=[1,1,1,1]>(x) "
        "y = MaxPool <kernel_shape=[3,3], pads=[1,1,1,1]>(m)"
    )
    seed = np.abs(random(*IMAGE))

    found = gradient(graph, random(*IMAGE), seed)

    assert found.sum() == pytest.approx(seed.sum(), rel=1e-5)
    assert (found >= 0).all()
