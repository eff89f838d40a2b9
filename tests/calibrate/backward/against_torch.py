"""Gradients of small networks against those torch works out."""

from __future__ import annotations

import numpy as np
import torch

from edgekit.backends.onnxruntime import OnnxRuntime
from edgekit.calibrate.backward.graph import GRADIENT, SEED, with_gradients
from edgekit.graphs import graph_to_bytes
from tests.networks import network

IMAGE = (2, 4, 9, 7)
_RUNTIME = OnnxRuntime(threads=1, spin=False)
_RNG = np.random.default_rng(0)


def built(nodes, **initializers):
    """The network that makes ``y`` of ``x`` by ``nodes``; scalars are given as Python floats."""
    shape = ",".join(map(str, IMAGE))
    arrays = {
        name: np.asarray(value, np.float32) if isinstance(value, float) else np.asarray(value)
        for name, value in initializers.items()
    }
    return network(f"g (float[{shape}] image) => (y) {{ x = Neg(image) {nodes} }}", **arrays)


def random(*shape):
    """Numbers of both signs."""
    return _RNG.normal(size=shape).astype(np.float32)


def tensor(array):
    """An array as torch has it."""
    return torch.from_numpy(array)


def mean(x):
    """The mean of every channel."""
    return x.mean((2, 3), keepdim=True)


def gradient(graph, image, seed):
    """The gradient at ``x`` of the sum of ``y``, ``seed`` before each number."""
    backward = with_gradients(graph, ["x"])
    assert backward.values == ("x",)
    with _RUNTIME.open(graph_to_bytes(backward.graph)) as session:
        return session.run({"image": image, f"{SEED}y": seed})[f"{GRADIENT}x"]


def assert_as_torch(nodes, initializers, same):
    """Hold the gradient at ``x`` of a sum with weights of chance to that of ``same(x)``."""
    image = random(*IMAGE)
    x = tensor(-image).requires_grad_()
    out = same(x)
    seed = random(*out.shape)
    out.backward(tensor(seed))

    found = gradient(built(nodes, **initializers), image, seed)

    np.testing.assert_allclose(found, x.grad.numpy(), rtol=1e-4, atol=1e-5)
    assert np.abs(found).max() > 0.01
