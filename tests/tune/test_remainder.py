from __future__ import annotations

import numpy as np
import pytest

from edgekit.backends.onnxruntime import OnnxRuntime
from edgekit.graphs import graph_to_bytes, with_outputs
from edgekit.tune.remainder import known_values, origins, remainder
from tests.networks import network

RUNTIME = OnnxRuntime(threads=1, spin=False, optimize=False)
RNG = np.random.default_rng(0)
WEIGHTS = {f"w{i}": RNG.normal(size=(4, 4, 1, 1)).astype(np.float32) for i in range(5)}
X = RNG.normal(size=(1, 4, 6, 6)).astype(np.float32)


def chain(*weights, activation="Relu", outputs="y"):
    """Three convolutions, the first read again by the sum before the third."""
    first, second, third = weights
    return network(
        f"g (float[1,4,6,6] x) => ({outputs}) {{ a = Conv(x, {first}) r = {activation}(a)"
        f" b = Conv(r, {second}) s = Add(r, b) y = Conv(s, {third}) }}",
        **WEIGHTS,
    )


def run(graph, feeds):
    with RUNTIME.open(graph_to_bytes(graph)) as session:
        return session.run(feeds)


BASE = chain("w0", "w1", "w2")


@pytest.mark.parametrize(
    ("variant", "nodes", "inputs"),
    [
        (chain("w3", "w1", "w2"), 5, {"x"}),
        (chain("w0", "w3", "w2"), 3, {"r"}),
        (chain("w0", "w1", "w3"), 1, {"s"}),
        (chain("w0", "w1", "w2", activation="Sigmoid"), 4, {"a"}),
    ],
)
def test_only_what_follows_the_change_is_left_and_gives_the_same(variant, nodes, inputs):
    part = remainder(variant, known_values(BASE))

    kept = run(with_outputs(BASE, sorted(part.needed)), {"x": X})
    found = run(part.graph, {name: kept[old] for name, old in part.inputs.items()})
    assert (len(part.graph.model.graph), set(part.inputs)) == (nodes, inputs)
    np.testing.assert_array_equal(found["y"], run(variant, {"x": X})["y"])


def test_nothing_is_left_of_an_equal_network_however_it_is_named():
    same = network(
        "h (float[1,4,6,6] x) => (end) { one = Conv(x, w0) two = Relu(one) three = Conv(two, w1)"
        " four = Add(two, three) end = Conv(four, w2) }",
        **WEIGHTS,
    )

    part = remainder(same, known_values(BASE))

    assert part.graph is None
    assert part.outputs == {"end": "y"}
    assert part.needed == {"y"}


def test_an_output_that_is_known_is_not_run_again():
    part = remainder(chain("w0", "w1", "w3", outputs="y, r"), known_values(BASE))

    assert part.outputs == {"r": "r"}
    assert [v.name for v in part.graph.model.graph.outputs] == ["y"]


def test_attributes_and_the_order_of_inputs_tell_values_apart():
    def digest(body):
        graph = network(f"g (float[1,4,6,6] x) => (y) {{ {body} }}", **WEIGHTS)
        return origins(graph)["y"]

    digests = [
        digest("a = Relu(x) y = Concat <axis=1> (a, x)"),
        digest("a = Relu(x) y = Concat <axis=1> (x, a)"),
        digest("a = Relu(x) y = Concat <axis=2> (a, x)"),
        digest("a = Sigmoid(x) y = Concat <axis=1> (a, x)"),
    ]

    assert len(set(digests)) == 4
    assert digests[0] == digest("z = Relu(x) y = Concat <axis=1> (z, x)")


def test_every_output_of_a_node_has_an_origin_of_its_own():
    graph = network("g (float[1,4,6,6] x) => (y) { a, b = Split <axis=1> (x) y = Sub(a, b) }")

    assert origins(graph)["a"] != origins(graph)["b"]
