import numpy as np
import pytest
import torch
from torch.nn import functional as F  # noqa: N812  (its usual name)

from tests.calibrate.backward.against_torch import IMAGE, assert_as_torch, mean

# name: (nodes from x to y, initializers, the same in torch)
CASES = {
    "concat": ("m = Neg(x) y = Concat <axis=1>(x, m, x)", {}, lambda x: torch.cat([x, -x, x], 1)),
    "expand": (
        "m = GlobalAveragePool(x) y = Expand(m, s)",
        {"s": np.array(IMAGE)},
        lambda x: mean(x).expand(*IMAGE),
    ),
    "flatten": ("y = Flatten(x)", {}, lambda x: x.flatten(1)),
    "pad": (
        "y = Pad(x, p)",
        {"p": np.array([0, 0, 1, 2, 0, 0, 3, 0])},
        lambda x: F.pad(x, (2, 0, 1, 3)),
    ),
    "mean over the rows": (
        "y = ReduceMean <axes=[2], keepdims=0>(x)",
        {},
        lambda x: x.mean(2),
    ),
    "sum": ("y = ReduceSum <keepdims=0>(x, a)", {"a": np.array([1, 3])}, lambda x: x.sum((1, 3))),
    "slice": (
        "y = Slice(x, a, b, c)",
        {"a": np.array([1, -5]), "b": np.array([3, 1000]), "c": np.array([1, 3])},
        lambda x: x[:, 1:3, :, -5:],
    ),
    "depth and space": (
        "d = DepthToSpace <blocksize=2>(x) s = Neg(d) y = SpaceToDepth <blocksize=2>(s)",
        {},
        torch.neg,
    ),
    "split with a part nobody reads": (
        "a, b, c = Split <axis=1>(x, s) y = Mul(a, c)",
        {"s": np.array([1, 2, 1])},
        lambda x: x[:, :1] * x[:, 3:],
    ),
    "squeeze": (
        "m = GlobalAveragePool(x) q = Squeeze(m, a) u = Unsqueeze(q, a) y = Mul(u, x)",
        {"a": np.array([2, 3])},
        lambda x: mean(x) * x,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_gradient_is_what_torch_makes_of_it(name):
    assert_as_torch(*CASES[name])
