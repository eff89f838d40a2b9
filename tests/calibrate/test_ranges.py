import numpy as np
import pytest

from edgekit.backends.onnxruntime import OnnxRuntime
from edgekit.calibrate.collect import collect
from edgekit.calibrate.observers import observe
from edgekit.calibrate.ranges import choose_ranges, rounding_costs
from tests.networks import network

TEXT = "g (float[1,1000] x) => (y) { v = Neg(x) s = Sigmoid(v) m = Mul(v, s) y = Softmax(m) }"


@pytest.fixture(scope="module")
def collected():
    graph = network(TEXT)
    image = np.random.default_rng(0).normal(0, 8, (1, 1000)).astype(np.float32)
    runtime = OnnxRuntime(threads=1)
    return graph, collect(graph, ["v", "m"], [{"x": image}], runtime)


@pytest.mark.parametrize("observer", ["minmax", "moving-average", "percentile"])
def test_every_value_gets_the_range_its_observer_gives(collected, observer):
    graph, statistics = collected

    ranges = choose_ranges(graph, statistics, observer)

    assert ranges == {n: observe(seen, observer) for n, seen in statistics.tensors.items()}


def test_mse_judges_the_input_of_an_activation_by_its_output(collected):
    graph, statistics = collected

    ranges = choose_ranges(graph, statistics, "mse")

    assert ranges["m"] == observe(statistics.tensors["m"], "mse")
    assert ranges["v"].low > 0.6 * observe(statistics.tensors["v"], "mse").low


def test_rounding_costs_what_each_error_weighs(collected):
    graph, statistics = collected
    name, seen = next(iter(statistics.tensors.items()))
    even = np.ones(len(seen.counts))
    span = observe(seen, "minmax")

    costs = [
        rounding_costs(graph, statistics, {name: factor * even}, {name: span, "unknown": span})
        for factor in (1.0, 3.0)
    ]

    assert set(costs[0]) == {name}
    assert costs[0][name] > 0
    assert costs[1][name] == pytest.approx(3 * costs[0][name])
