import numpy as np
import pytest

from edgekit.calibrate.collect import collect
from edgekit.calibrate.ranges import choose_ranges
from edgekit.quantize.encode import encodings_of
from edgekit.quantize.noise import drowned_nodes
from edgekit.quantize.plan import plan
from edgekit.quantize.rules import ORT_X86
from tests.networks import network
from tests.quantize.eight_bits import RUNTIME, normal, run

QUIET = np.float32([100, 0.05, 0.05, 0.05])[:, None, None, None]
WEIGHTS = {
    "loud_and_quiet": normal(4, 4, 1, 1) * QUIET,
    "quiet_only": normal(4, 4, 1, 1) * np.float32([0, 1, 1, 1])[None, :, None, None],
    "even": normal(4, 4, 1, 1),
    "square": normal(4, 4),
    "bias": np.float32([0.1, 0.2, 0.3, 0.4]),
    "one": np.float32(1 / 255),
    "nought": np.uint8(0),
}
CHAIN = """g (float[1,4,16,16] x) => (y) {
    a = Conv(x, even) s = Sigmoid(a) m = Mul(a, s)
    b = Conv(m, loud_and_quiet) p = MaxPool<kernel_shape = [2,2]>(b)
    c = Conv(p, quiet_only) d = Conv(c, even) y = Exp(d)
}"""


def drowned(text, limit_db, feeds=None):
    graph = network(text, **WEIGHTS)
    feeds = feeds or {"x": normal(1, 4, 16, 16)}
    decided = plan(graph, ORT_X86, {})
    watched = [*decided.links, *(v.name for n in graph.model.graph for v in n.outputs)]
    statistics = collect(graph, list(dict.fromkeys(watched)), [feeds], RUNTIME)
    ranges = choose_ranges(graph, statistics, "minmax")
    encodings = encodings_of(graph, decided, ranges)
    return drowned_nodes(graph, decided, encodings, statistics, limit_db), graph, encodings, feeds


def test_a_layer_that_listens_to_quiet_channels_goes_with_all_back_to_its_layers():
    found, *_ = drowned(CHAIN, 15)

    assert set(found) == {"Conv_2", "MaxPool", "Conv_1"}
    assert len(set(found.values())) == 1
    assert "rounding the input of Conv_2 to 8 bits" in found["Conv_1"]


def test_nothing_drowns_where_no_ratio_is_asked_for():
    found, *_ = drowned(CHAIN, -100)

    assert found == {}


def test_everything_drowns_where_more_is_asked_for_than_8_bits_can():
    found, *_ = drowned(CHAIN, 100)

    assert {"Conv", "Conv_1", "Conv_2", "Conv_3", "Sigmoid", "Mul", "MaxPool"} == set(found)


@pytest.mark.parametrize("layer", ["Conv(x, even)", "Conv(x, even, bias)", "Conv(x, quiet_only)"])
def test_the_ratio_is_the_one_that_rounding_shows(layer):
    text = f"g (float[1,4,64,64] x) => (y) {{ y = {layer} }}"
    feeds = {"x": normal(1, 4, 64, 64, spread=0.3)}
    _, graph, encodings, _ = drowned(text, 0, feeds)
    scale = encodings["x"].scale
    rounded = {"x": (np.round(feeds["x"] / scale) * scale).astype(np.float32)}
    exact, noisy = run(graph, feeds)["y"], run(graph, rounded)["y"]
    shares = np.square(noisy - exact).mean(axis=(0, 2, 3)) / np.square(exact).mean(axis=(0, 2, 3))
    measured_db = -10 * np.log10(shares.mean())

    below, above = (drowned(text, measured_db + d, feeds)[0] for d in (-0.5, 0.5))

    assert (set(below), set(above)) == (set(), {"Conv"})


def test_an_image_in_integers_is_not_rounded_again_and_drowns_nothing():
    feeds = {"x": np.random.default_rng(0).integers(0, 256, (1, 4, 16, 16), dtype=np.uint8)}
    text = """g (uint8[1,4,16,16] x) => (y) {
        f = DequantizeLinear(x, one, nought) y = Conv(f, even)
    }"""

    found, *_ = drowned(text, 100, feeds)

    assert found == {}


def test_a_product_of_matrices_has_no_channels_to_judge():
    found, *_ = drowned(
        "g (float[4,4] x) => (y) { y = MatMul(x, square) }", 100, {"x": normal(4, 4)}
    )

    assert found == {}
