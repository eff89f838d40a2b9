import numpy as np
import pytest

from edgekit.backends.onnxruntime import OnnxRuntime
from edgekit.calibrate.collect import collect
from edgekit.calibrate.observers import observe
from edgekit.calibrate.ranges import choose_ranges
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
