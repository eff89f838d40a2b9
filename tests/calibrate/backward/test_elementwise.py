import numpy as np
import pytest
import torch
from torch.nn import functional as F  # noqa: N812  (its usual name)

from tests.calibrate.backward.against_torch import assert_as_torch, mean, random, tensor

MATRIX = random(7, 5)
SLOPE = np.abs(random(4, 1, 1)) + np.float32(0.1)
STATISTICS = [np.abs(random(4)) + np.float32(0.5) for _ in range(4)]
# name: (nodes from x to y, initializers, the same in torch)
CASES = {
    "abs": ("y = Abs(x)", {}, torch.abs),
    "add the same": ("y = Add(x, x)", {}, lambda x: x + x),
    "add broadcast": ("m = GlobalAveragePool(x) y = Add(m, x)", {}, lambda x: mean(x) + x),
    "batch normalization": (
        "y = BatchNormalization(x, a, b, c, d)",
        dict(zip("abcd", STATISTICS, strict=True)),
        lambda x: F.batch_norm(x, *map(tensor, (*STATISTICS[2:], *STATISTICS[:2]))),
    ),
    "clip": ("y = Clip(x, a, b)", {"a": -0.5, "b": 0.7}, lambda x: x.clamp(-0.5, 0.7)),
    "clip below": ("y = Clip(x, a)", {"a": -0.5}, lambda x: x.clamp(min=-0.5)),
    "divide": (
        "m = Exp(x) s = GlobalAveragePool(m) y = Div(x, s)",
        {},
        lambda x: x / mean(x.exp()),
    ),
    "erf": ("y = Erf(x)", {}, torch.erf),
    "gemm": (
        "f = Reshape(x, s) y = Gemm <alpha=0.5>(f, w)",
        {"s": np.array([-1, 7]), "w": MATRIX},
        lambda x: 0.5 * x.reshape(-1, 7) @ tensor(MATRIX),
    ),
    "gemm turned": (
        "f = Reshape(x, s) y = Gemm <transB=1>(f, w)",
        {"s": np.array([-1, 7]), "w": MATRIX.T.copy()},
        lambda x: x.reshape(-1, 7) @ tensor(MATRIX),
    ),
    "hard sigmoid": (
        "y = HardSigmoid <alpha=0.4, beta=0.6>(x)",
        {},
        lambda x: (0.4 * x + 0.6).clamp(0, 1),
    ),
    "hard swish": ("m = Mul(x, c) y = HardSwish(m)", {"c": 3.0}, lambda x: F.hardswish(3 * x)),
    "leaky relu": ("y = LeakyRelu <alpha=0.2>(x)", {}, lambda x: F.leaky_relu(x, 0.2)),
    "log of a power": (
        "m = Exp(x) p = Pow(m, c) y = Log(p)",
        {"c": 2.5},
        lambda x: (x.exp() ** 2.5).log(),
    ),
    "product of two": (
        "t = Transpose <perm=[0,1,3,2]>(x) y = MatMul(x, t)",
        {},
        lambda x: x @ x.transpose(2, 3),
    ),
    "product with a matrix": ("y = MatMul(x, w)", {"w": MATRIX}, lambda x: x @ tensor(MATRIX)),
    "multiply": ("s = Sigmoid(x) y = Mul(x, s)", {}, F.silu),
    "parametric relu": (
        "y = PRelu(x, s)",
        {"s": SLOPE},
        lambda x: torch.where(x < 0, x * tensor(SLOPE), x),
    ),
    "relu": ("y = Relu(x)", {}, torch.relu),
    "softmax": ("y = Softmax <axis=1>(x)", {}, lambda x: x.softmax(1)),
    "softplus": ("y = Softplus(x)", {}, F.softplus),
    "root": ("e = Exp(x) y = Sqrt(e)", {}, lambda x: x.exp().sqrt()),
    "subtract": ("m = GlobalAveragePool(x) y = Sub(m, x)", {}, lambda x: mean(x) - x),
    "tanh": ("y = Tanh(x)", {}, torch.tanh),
    "cast": ("y = Cast <to=1>(x)", {}, lambda x: x + 0),
}


@pytest.mark.parametrize("name", CASES)
def test_a_gradient_is_what_torch_makes_of_it(name):
    assert_as_torch(*CASES[name])
