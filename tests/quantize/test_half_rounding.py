"""Rounding is held against NumPy, which rounds after every operation by itself."""

from collections import Counter

import numpy as np
import pytest

from edgekit.backends.onnxruntime import OnnxRuntime
from edgekit.graphs import graph_to_bytes
from edgekit.quantize.half import to_half
from edgekit.quantize.half_plan import half_plan
from edgekit.quantize.half_rounding import rounded
from edgekit.quantize.half_rules import ORT_CUDA
from tests.networks import network

LENGTH = 24
RNG = np.random.default_rng(3)
FACTORS = RNG.uniform(0.9, 1.1, (LENGTH, 4)).astype(np.float32)
X = RNG.normal(0, 1, (1, 4)).astype(np.float32)
OPERATIONS = {"Mul": np.multiply, "Add": np.add, "Sub": np.subtract}


def chain():
    """Operations one after the other, each with a constant of its own."""
    names = [list(OPERATIONS)[i % 3] for i in range(LENGTH)]
    ends = ["x", *(f"v{i}" for i in range(LENGTH - 1)), "y"]
    body = " ".join(f"{ends[i + 1]} = {op}({ends[i]}, c{i})" for i, op in enumerate(names))
    constants = {f"c{i}": factor for i, factor in enumerate(FACTORS)}
    return network(f"g (float[1,4] x) => (float[1,4] y) {{ {body} }}", **constants), names


def in_numpy(names, precision=np.float16):
    """The chain with constants in float16, every value rounded to ``precision``."""
    value = X.astype(precision)
    for name, factor in zip(names, FACTORS, strict=True):
        wide = OPERATIONS[name](value.astype(np.float32), np.float16(factor).astype(np.float32))
        value = wide.astype(precision)
    return value.astype(np.float32)


def run(graph, x=X, *, optimize=True):
    with OnnxRuntime(threads=1, optimize=optimize).open(graph_to_bytes(graph)) as session:
        return session.run({"x": x})["y"]


@pytest.mark.parametrize("optimize", [False, True])
def test_every_value_is_rounded_whatever_the_runtime_optimizes(optimize):
    graph, names = chain()
    half = to_half(graph, half_plan(graph, ORT_CUDA, {}))

    found = run(rounded(half), optimize=optimize)

    np.testing.assert_array_equal(found, in_numpy(names))


def test_the_cpu_runtime_itself_drops_every_rounding():
    graph, names = chain()
    half = to_half(graph, half_plan(graph, ORT_CUDA, {}))

    found = run(half)

    np.testing.assert_array_equal(found, in_numpy(names, np.float32))
    assert (found != in_numpy(names)).any()


def test_a_value_beyond_65504_becomes_infinite_as_on_the_device():
    graph = network("g (float[1,4] x) => (float[1,4] y) { s = Mul(x, x) y = Sub(s, x) }")
    half = to_half(graph, half_plan(graph, ORT_CUDA, {}))

    assert np.isinf(run(rounded(half), np.full((1, 4), 300, np.float32))).all()


def test_moved_values_are_not_rounded_again():
    graph = network("g (float[1,4] x) => (float[4,1] y) { s = Sigmoid(x) y = Transpose(s) }")
    half = to_half(graph, half_plan(graph, ORT_CUDA, {}))

    kinds = Counter(node.op_type for node in rounded(half).model.graph)

    before = Counter(node.op_type for node in half.model.graph)
    assert kinds["Cast"] == before["Cast"] + 4  # around the image's own cast, and the sigmoid
    assert [v.name for v in rounded(half).model.graph.outputs] == ["y"]


def test_a_network_in_float32_stays_as_it_is():
    graph, _ = chain()

    assert rounded(graph).sha256 == graph.sha256
