from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit.backends.node_times import NodeTimes
from edgekit.pipeline.int8 import Calibrated
from edgekit.quantize.plan import plan
from edgekit.quantize.quantize import quantize
from edgekit.quantize.rules import ORT_X86
from edgekit.tune import forecast as module
from edgekit.tune.forecast import Forecaster, Times, border_elements, measure_times
from edgekit.tune.forecast import rounding_damages as damages_of
from edgekit.tune.variants import variants_of
from edgekit.values import Range, Statistics, TensorStatistics
from tests.networks import network as network_of_text
from tests.tune.test_variants import kinds

PER_ELEMENT = 0.5
IMAGE = "node_DequantizeLinear_1"  # makes reals of the u8 image, which INT8 takes as it is
BORDERS = 7.0
AFTER = {
    "": lambda x: x,
    "Relu": lambda x: max(x, 0.0),
    "Sigmoid": lambda x: 1 / (1 + math.exp(-x)),
}


@pytest.fixture(scope="module")
def times(network):
    """A float node takes its place in the network, the same in INT8 a tenth of that."""
    names = [str(node.name) for node in network.graph.model.graph]
    in_float = {name: float(place) for place, name in enumerate(names, start=1)}
    in_int8 = {name: time_us / 10 for name, time_us in in_float.items()}
    return Times(NodeTimes(in_float, 3.0), NodeTimes(in_int8, BORDERS), PER_ELEMENT)


@pytest.fixture(scope="module")
def damages(variants):
    """A damage of its own for every value that may be rounded, each a power of two."""
    outputs = [str(o.name) for node in variants.network.model.graph for o in node.outputs]
    return {name: 2.0**place for place, name in enumerate(outputs)}


@pytest.fixture(scope="module")
def forecaster(variants, damages, times):
    return Forecaster(variants, damages, times)


def rounded_values(graph):
    """Values that get rounded, read off the quantized network itself."""
    return {
        str(node.inputs[0].name) for node in graph.model.graph if node.op_type == "QuantizeLinear"
    }


def changes(variants, in_float):
    """Elements that nodes of the quantized network itself turn to integers or to reals.

    Between two nodes in INT8 there is no such work: they take in the nodes around them.
    """
    nodes = variants.plan_of(in_float).nodes
    total = 0
    for node in variants.in_float(in_float).model.graph:
        if node.op_type != "QuantizeLinear":
            continue
        size = int(np.prod(node.inputs[0].shape.numpy()))
        total += size * (node.inputs[0].producer().name not in nodes)
        for back in (use.node for use in node.outputs[0].uses()):
            readers = {use.node.name for use in back.outputs[0].uses()}
            total += size * bool(readers - nodes)
    return total


def layer_us(layer, variants, times, in_float):
    """What the nodes of one layer take."""
    given = times.in_float if layer in in_float else times.in_int8
    return sum(given.of_nodes[name] for name in variants.groups[layer])


def outside(variants):
    """The nodes that are in float in every variant, but for the one that reads the image."""
    names = {str(node.name) for node in variants.network.model.graph}
    return names - {IMAGE}.union(*variants.groups.values())


def choices(forecaster):
    return st.sets(st.sampled_from(forecaster.layers)).map(frozenset)


def test_the_layers_are_those_that_may_be_in_either_precision(forecaster, variants):
    assert forecaster.layers == tuple(variants.groups)


def test_all_in_float_loses_nothing_and_takes_what_its_nodes_take(forecaster, variants, times):
    found = forecaster.of(frozenset(forecaster.layers))

    assert "QuantizeLinear" not in kinds(variants.all_float())
    assert found.damage == 0
    gone = PER_ELEMENT * border_elements(variants.network, variants.whole.plan)
    assert found.time_us == pytest.approx(sum(times.in_float.of_nodes.values()) + BORDERS - gone)


def test_all_in_int8_takes_what_its_nodes_take_and_its_borders(forecaster, variants, times):
    nodes = variants.whole.plan.nodes | {IMAGE}
    in_int8 = sum(us for name, us in times.in_int8.of_nodes.items() if name in nodes)
    in_float = sum(us for name, us in times.in_float.of_nodes.items() if name not in nodes)

    assert forecaster.of(frozenset()).time_us == pytest.approx(in_int8 + in_float + BORDERS)


@given(data=st.data())
def test_a_forecast_is_that_of_the_network_which_is_then_built(
    data, forecaster, variants, damages, times
):
    in_float = data.draw(choices(forecaster))

    found = forecaster.of(in_float)

    rounded = rounded_values(variants.in_float(in_float))
    assert found.damage == sum(damages[name] for name in rounded if name in damages)
    layers = sum(layer_us(name, variants, times, in_float) for name in variants.groups)
    others = sum(times.in_float.of_nodes[name] for name in outside(variants))
    image = times.in_float if next(iter(variants.groups)) in in_float else times.in_int8
    crossing = changes(variants, in_float) - changes(variants, ())
    expected = layers + others + image.of_nodes[IMAGE] + BORDERS + PER_ELEMENT * crossing
    assert found.time_us == pytest.approx(expected)


def test_every_choice_is_worked_out_once(variants, damages, times):
    forecaster = Forecaster(variants, damages, times)
    choice = frozenset(forecaster.layers[:1])

    assert forecaster.of(choice) is forecaster.of(choice)
    assert len(forecaster) == 1


@pytest.mark.parametrize("function", ["", "Relu", "Sigmoid"])
def test_rounding_is_counted_bin_by_bin_behind_the_activation(function):
    graph, statistics, weights = one_value(function)
    span = Range(-1.0, 3.0)
    seen = Statistics({"a": statistics}, 1, "")
    calibrated = Calibrated({}, {}, {"a": span}, seen, {"a": weights})

    found = damages_of(graph, calibrated)

    scale = float(np.float32(4 / 255))
    zero = round(1 / scale)
    after = AFTER[function]
    expected = 0.0
    for place, weight in enumerate(weights):
        real = -4 + (place + 0.5) * 8 / len(weights)
        integer = min(max(round(real / scale) + zero, 0), 255)
        error = after((integer - zero) * scale) - after(real)
        expected += float(weight) * error**2
    assert found == {"a": pytest.approx(expected, rel=1e-5)}


def one_value(function):
    """A network with the value ``a``, a function behind it, and how ``a`` is spread out."""
    behind = f"b = {function}(a) y = Conv(b, w)" if function else "y = Conv(a, w)"
    text = f"one (float[1, 1, 4, 4] x) => (float[1, 1, 4, 4] y) {{ a = Conv(x, w) {behind} }}"
    graph = network_of_text(text, w=np.ones((1, 1, 1, 1), np.float32))
    weights = np.random.default_rng(0).uniform(size=64).astype(np.float32)
    weights[::5] = 0
    counts, none = np.ones(64, np.int64), np.zeros(0, np.float32)
    return graph, TensorStatistics(-4, 4, -4, 4, 4.0, counts, none), weights


def test_a_value_whose_importance_is_not_known_is_left_out():
    graph, statistics, _ = one_value("Relu")
    calibrated = Calibrated({}, {}, {}, Statistics({"a": statistics}, 1, ""), {})

    assert damages_of(graph, calibrated) == {}


def test_elements_that_change_precision_are_counted_edge_by_edge(variants):
    for in_float in [(), tuple(variants.groups), tuple(variants.groups)[::2]]:
        plan = variants.plan_of(in_float)

        assert border_elements(variants.network, plan) == changes(variants, in_float)


def chain(layers):
    """A network of layers one behind the other in which every one may be in INT8."""
    steps = " ".join(f"v{n + 1} = Conv(v{n}, w)" for n in range(layers))
    shape = "float[1, 2, 4, 4]"
    ends = f"v0 = Sigmoid(x) {steps} y = Sigmoid(v{layers})"
    text = f"chain ({shape} x) => ({shape} y) {{ {ends} }}"
    graph = network_of_text(text, w=np.ones((2, 2, 1, 1), np.float32))
    decided = plan(graph, ORT_X86, dict.fromkeys(["Sigmoid", "Sigmoid_1"], "not a layer"))
    ranges = dict.fromkeys(decided.leaders, Range(-1.0, 1.0))
    return variants_of(graph, quantize(graph, decided, ranges, "full"))


def test_what_a_border_takes_is_told_from_layers_that_alternate(monkeypatch):
    variants = chain(6)
    nodes = [str(node.name) for node in variants.network.model.graph]
    plain = NodeTimes(dict.fromkeys(nodes, 1.0), 10.0)
    in_float = NodeTimes(dict.fromkeys(nodes, 2.0), 4.0)
    more = NodeTimes({"Conv": 30.0}, 15.0)
    timed = []

    def node_times(graphs, *_):
        timed.extend(graphs)
        return in_float, plain, more

    monkeypatch.setattr(module, "node_times", node_times)

    found = measure_times(variants, {}, None)

    size = 2 * 4 * 4
    # In INT8 the whole begins and ends with a border; alternating, three layers have two each.
    before, after = changes(variants, ()), changes(variants, tuple(variants.groups)[::2])
    assert (before, after) == (2 * size, 6 * size)
    # Three layers and both ends are in float, which take 2 us each, and 0.25 us of the borders.
    assert found.in_float == NodeTimes(dict.fromkeys(nodes, 2.5), 0.0)
    assert found.per_element == pytest.approx((45 - 5 * 2.5 - 3 * 1.0 - 10) / (after - before))
    forecaster = Forecaster(variants, {}, found)
    assert forecaster.of(frozenset(tuple(variants.groups)[::2])).time_us == pytest.approx(45)
    assert forecaster.of(frozenset()).time_us == pytest.approx(2 * 2.5 + 6 * 1.0 + 10)
    assert [kinds(graph).count("QuantizeLinear") for graph in timed] == [0, 7, 6]


def test_where_alternating_makes_no_more_borders_none_is_counted(variants, monkeypatch):
    one = {"Conv": 1.0}
    times = NodeTimes(one, 1.0), NodeTimes(one, 1.0), NodeTimes(one, 9.0)
    monkeypatch.setattr(module, "node_times", lambda *_: times)

    assert measure_times(variants, {}, None).per_element == 0


def test_a_border_that_seems_to_save_time_is_free(monkeypatch):
    one = {"Conv": 1.0}
    times = NodeTimes(one, 10.0), NodeTimes(one, 10.0), NodeTimes(one, 3.0)
    monkeypatch.setattr(module, "node_times", lambda *_: times)

    assert measure_times(chain(6), {}, None).per_element == 0
