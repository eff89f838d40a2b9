"""Networks for a runtime whose layers read integers and give floats (``OPENVINO_X86``)."""

import numpy as np
import pytest

from edgekit.quantize.plan import moved_values, plan
from edgekit.quantize.quantize import quantize
from edgekit.quantize.rules import OPENVINO_X86
from edgekit.values import Range
from tests.networks import network
from tests.quantize import eight_bits
from tests.quantize.eight_bits import normal

WEIGHTS = {"w": normal(8, 8, 1, 1, spread=0.3), "b": normal(8), "parts": np.int64([4, 4])}
IMAGE = normal(1, 8, 6, 6)
SILU = "c = Conv(x, w, b) s = Sigmoid(c) m = Mul(c, s)"


def planned(body, kept=(), outputs="y", **constants):
    text = f"g (float[1,8,6,6] x) => ({outputs}) {{ {body} }}"
    graph = network(text, **(WEIGHTS | constants))
    return graph, plan(graph, OPENVINO_X86, dict.fromkeys(kept, "kept"))


def run(graph, feeds):
    return eight_bits.run(graph, feeds)["y"]


def kinds_of(graph):
    return [node.op_type for node in graph.model.graph]


def test_only_what_layers_read_is_encoded():
    _, found = planned(f"{SILU} y = Conv(m, w)")

    assert found.nodes == {"Conv", "Conv_1"}
    assert set(found.links) == {"x", "m"}


def test_what_no_layer_reads_stays_in_float():
    _, found = planned(f"{SILU} d = Conv(m, w) y = MaxPool<kernel_shape = [1,1]>(d)")

    assert set(found.links) == {"x", "m"}
    assert "MaxPool" not in found.nodes


def test_what_moves_values_to_a_layer_has_their_encoding():
    _, found = planned(f"{SILU} p = MaxPool<kernel_shape = [1,1]>(m) y = Conv(p, w)")

    assert found.nodes == {"Conv", "MaxPool", "Conv_1"}
    assert {value: link.leader for value, link in found.links.items()} == {
        "x": "x",
        "m": "m",
        "p": "m",
    }


def test_a_sum_before_a_layer_has_an_encoding_of_its_own():
    _, found = planned(f"{SILU} a = Add(m, x) y = Conv(a, w)")

    assert {value: link.leader for value, link in found.links.items()} == {
        "x": "x",
        "m": "m",
        "a": "a",
    }


def test_a_layer_kept_in_float_encodes_nothing_before_it():
    _, found = planned(f"{SILU} y = Conv(m, w)", kept=["Conv_1"])

    assert set(found.links) == {"x"}


@pytest.mark.parametrize(
    ("body", "moved"),
    [
        ("p = MaxPool<kernel_shape = [1,1]>(x) y = Conv(p, w)", {"p"}),
        ("p, q = Split<axis = 1>(x, parts) j = Concat<axis = 1>(p, q) y = Conv(j, w)", "pqj"),
        ("j = Add(x, x) y = Conv(j, w)", ""),
    ],
)
def test_what_is_only_moved_is_not_rounded_again(body, moved):
    graph, decided = planned(body)

    found = moved_values(graph.model.graph, decided)

    assert {value.name for value in found} == set(moved)


def test_values_are_rounded_once_on_their_way_to_a_layer():
    graph, decided = planned(
        "p, q = Split<axis = 1>(x, parts) j = Concat<axis = 1>(p, q) y = Conv(j, w)"
    )

    ranges = {name: Range(-3.0, 3.0) for name in decided.leaders}
    found = quantize(graph, decided, ranges, "full").graph

    assert kinds_of(found).count("QuantizeLinear") == 1
    assert kinds_of(found).count("DequantizeLinear") == 2  # of what is read, and of the weight


def test_an_image_of_integers_is_rounded_to_the_encoding_it_has():
    text = "g (uint8[1,8,6,6] u) => (y) { x = DequantizeLinear(u, s, z) y = Conv(x, w, b) }"
    graph = network(text, s=np.float32(0.25), z=np.uint8(2), **WEIGHTS)
    integers = np.random.default_rng(0).integers(0, 256, (1, 8, 6, 6)).astype(np.uint8)

    decided = plan(graph, OPENVINO_X86, {})
    found = quantize(graph, decided, {"x": Range(0.0, 1.0)}, "full").graph

    assert kinds_of(found).count("QuantizeLinear") == 1
    close = run(found, {"u": integers}) - run(graph, {"u": integers})
    assert np.abs(close).max() < 0.02 * np.abs(run(graph, {"u": integers})).max()


def test_the_network_still_computes_what_it_did_but_for_rounding():
    graph, decided = planned(
        f"{SILU} p, q = Split<axis = 1>(m, parts) "
        "j = Concat<axis = 1>(q, p) a = Add(j, x) y = Conv(a, w, b)"
    )
    ranges = {name: Range(-5.0, 5.0) for name in decided.leaders}

    found = quantize(graph, decided, ranges, "full").graph

    exact, rounded = run(graph, {"x": IMAGE}), run(found, {"x": IMAGE})
    assert 0 < np.abs(rounded - exact).max() < 0.1 * np.abs(exact).max()
