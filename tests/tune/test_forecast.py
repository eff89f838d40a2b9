from __future__ import annotations

import math
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit.backends.node_times import NodeTimes
from edgekit.pipeline.int8 import Calibrated
from edgekit.quantize.plan import plan
from edgekit.quantize.product import products_of
from edgekit.quantize.quantize import quantize
from edgekit.quantize.rules import ORT_X86
from edgekit.tune import forecast as module
from edgekit.tune.forecast import Forecast, Forecaster, Times, border_elements, measure_times
from edgekit.tune.forecast import rounding_damages as damages_of
from edgekit.tune.variants import variants_of
from edgekit.values import Range, Statistics, TensorStatistics
from tests.networks import network as network_of_text
from tests.tune.test_variants import kinds

PER_ELEMENT = 0.5
BORDERS = 7.0
AFTER = {
    "": lambda x: x,
    "Relu": lambda x: max(x, 0.0),
    "Sigmoid": lambda x: 1 / (1 + math.exp(-x)),
}


@pytest.fixture(scope="module")
def times(network):
    """Node n of the network takes n^2 us in float, n^2 / 8 us in INT8."""
    names = [str(node.name) for node in network.graph.model.graph]
    in_float = {name: float(place**2) for place, name in enumerate(names, start=1)}
    in_int8 = {name: time_us / 8 for name, time_us in in_float.items()}
    return Times(NodeTimes(in_float, 0.0), NodeTimes(in_int8, BORDERS), PER_ELEMENT)


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


def layers_before(variants):
    """The layer that is next before each node which no choice concerns; for the image's, behind.

    In this network there is one such layer: a last layer reads what one layer gives.
    """
    owners = {name: layer for layer, nodes in variants.groups.items() for name in nodes}
    nodes = [node for node in variants.network.model.graph if node.name not in owners]
    producers = {str(node.name): node.inputs[0].producer() for node in nodes}
    first = next(iter(variants.groups))
    return {name: owners.get(p.name if p else None, first) for name, p in producers.items()}


def choices(forecaster):
    return st.sets(st.sampled_from(forecaster.layers)).map(frozenset)


def test_the_layers_are_those_that_may_be_in_either_precision(forecaster, variants):
    assert forecaster.layers == tuple(variants.groups)


def test_the_two_ends_take_what_was_measured_of_them(forecaster, variants, times):
    assert products_of(variants.network, variants.whole.plan)
    assert "QuantizeLinear" not in kinds(variants.all_float())

    in_float, in_int8 = forecaster.of(frozenset(forecaster.layers)), forecaster.of(frozenset())

    assert in_float == Forecast(times.in_float.total, damage=0)
    assert in_int8.time_us == pytest.approx(times.in_int8.total, rel=1e-12)


def test_so_they_do_with_nodes_around_that_no_choice_concerns():
    variants = chain(4)
    names = [str(node.name) for node in variants.network.model.graph]
    in_float = NodeTimes(dict(zip(names, (11.0, 12.0, 13.0, 14.0, 15.0, 16.0), strict=True)), 0.0)
    in_int8 = NodeTimes(dict(zip(names, (9.0, 4.0, 3.0, 2.0, 1.0, 8.0), strict=True)), BORDERS)

    found = Forecaster(variants, {}, Times(in_float, in_int8, PER_ELEMENT))

    assert found.of(frozenset(found.layers)).time_us == pytest.approx(81)
    assert found.of(frozenset()).time_us == pytest.approx(27 + BORDERS)


def test_fp32_is_the_network_itself_where_integers_of_the_image_are_moved_in_any_other():
    variants = stacked_image()
    names = [str(node.name) for node in variants.network.model.graph]
    times = NodeTimes(dict.fromkeys(names, 3.0), 0.0), NodeTimes(dict.fromkeys(names, 1.0), 2.0)
    damages = {str(value.name): 1.0 for n in variants.network.model.graph for value in n.outputs}

    found = Forecaster(variants, damages, Times(*times, PER_ELEMENT))

    assert variants.plan_of(tuple(variants.groups)).nodes
    assert found.of(frozenset(found.layers)) == Forecast(times[0].total, damage=0)
    assert found.of(frozenset()).time_us == pytest.approx(times[1].total)


def stacked_image():
    """A network that takes a u8 image apart and stacks the parts, which INT8 does in integers."""
    text = """stacked (uint8[1, 1, 4, 4] x) => (float[1, 2, 2, 4] y) {
        a = DequantizeLinear(x, scale, zero) b, c = Split<axis = 2>(a) d = Concat<axis = 1>(b, c)
        e = Conv(d, w) f = Conv(e, w) y = Sigmoid(f) }"""
    graph = network_of_text(
        text, w=np.ones((2, 2, 1, 1), np.float32), scale=np.float32(1), zero=np.uint8(0)
    )
    decided = plan(graph, ORT_X86, {"Sigmoid": "not a layer"})
    ranges = dict.fromkeys(decided.leaders, Range(-1.0, 1.0))
    return variants_of(graph, quantize(graph, decided, ranges, "full"))


@given(data=st.data())
def test_a_forecast_is_that_of_the_network_which_is_then_built(
    data, forecaster, variants, damages, times
):
    in_float = data.draw(choices(forecaster))

    found = forecaster.of(in_float)

    rounded = rounded_values(variants.in_float(in_float))
    assert found.damage == sum(damages[name] for name in rounded if name in damages)
    layers = {n: layer for layer, nodes in variants.groups.items() for n in nodes}
    nodes_us = sum(
        (times.in_float if layer in in_float else times.in_int8).of_nodes[name]
        for name, layer in (layers | layers_before(variants)).items()
    )
    free = Times(times.in_float, replace(times.in_int8, borders=0.0), 0.0)
    found_free = Forecaster(variants, {}, free).of(in_float).time_us
    assert found_free == pytest.approx(nodes_us)
    assert found.time_us >= found_free


def test_last_layers_multiply_integers_as_long_as_they_read_them(variants, times):
    products = products_of(variants.network, variants.whole.plan)
    only = {name: us for name, us in times.in_float.of_nodes.items() if name in products}
    forecaster = Forecaster(
        variants, {}, Times(NodeTimes(only, 0.0), NodeTimes(dict.fromkeys(only, 0.0), 0.0), 0.0)
    )

    for layer in variants.groups:
        built = {str(node.name): node.op_type for node in variants.in_float([layer]).model.graph}
        in_float = {name for name in products if built[name] == "Conv"}
        assert 0 < len(in_float) < len(products)
        expected = sum(only[name] for name in in_float)
        assert forecaster.of(frozenset({layer})).time_us == pytest.approx(expected)


def test_borders_share_what_they_take_in_int8_and_cost_more_only_beyond_that():
    variants = chain(6)
    none = NodeTimes({}, 0.0)
    forecaster = Forecaster(variants, {}, Times(none, NodeTimes({}, BORDERS), PER_ELEMENT))
    layers = forecaster.layers
    size = 2 * 4 * 4  # of every value; in INT8 the whole has a border at its begin and at its end

    elements, borders_us = {}, {}
    for name, in_float in {
        "all float": layers,
        "all INT8": (),
        "first": layers[:1],
        "middle": layers[2:4],
        "three": layers[1::2],
    }.items():
        elements[name] = changes(variants, in_float)
        borders_us[name] = forecaster.of(frozenset(in_float)).time_us

    assert elements == {
        "all float": 0,
        "all INT8": 2 * size,
        "first": 2 * size,
        "middle": 4 * size,
        "three": 6 * size,
    }
    assert borders_us == {
        "all float": 0,
        "all INT8": BORDERS,
        "first": BORDERS,
        "middle": pytest.approx(BORDERS + PER_ELEMENT * 2 * size),
        "three": pytest.approx(BORDERS + PER_ELEMENT * 4 * size),
    }


def test_half_the_borders_of_all_in_int8_take_half_their_time(variants, times):
    none = NodeTimes({}, 0.0)
    forecaster = Forecaster(variants, {}, Times(none, NodeTimes({}, BORDERS), PER_ELEMENT))
    whole = changes(variants, ())
    fewer = [c for c in subsets(forecaster.layers) if 0 < changes(variants, c) < whole]

    assert fewer
    for in_float in fewer:
        share = changes(variants, in_float) / whole
        assert forecaster.of(frozenset(in_float)).time_us == pytest.approx(share * BORDERS)


def subsets(layers):
    return [c for count in range(len(layers) + 1) for c in combinations(layers, count)]


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
    # Three layers and the end before the first are in float: 2 us each, and 0.5 us of the borders.
    assert found.in_float == NodeTimes(dict.fromkeys(nodes, 2.5), 0.0)
    assert found.per_element == pytest.approx((45 - 4 * 2.5 - 4 * 1.0 - 10) / (after - before))
    forecaster = Forecaster(variants, {}, found)
    assert forecaster.of(frozenset(tuple(variants.groups)[::2])).time_us == pytest.approx(45)
    assert forecaster.of(frozenset()).time_us == pytest.approx(plain.total)
    assert forecaster.of(frozenset(forecaster.layers)).time_us == pytest.approx(in_float.total)
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
