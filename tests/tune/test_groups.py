from __future__ import annotations

import numpy as np

from edgekit.quantize.plan import plan
from edgekit.quantize.rules import ORT_X86
from edgekit.tune.groups import layer_groups
from tests.networks import network

WEIGHT = np.ones((4, 4, 1, 1), np.float32)


def groups(body, kept=(), outputs="y", alone=()):
    graph = network(f"g (float[1,4,6,6] x) => ({outputs}) {{ {body} }}", w=WEIGHT)
    return layer_groups(graph, plan(graph, ORT_X86, dict.fromkeys(kept, "kept")), alone)


def test_activation_and_pooling_belong_to_the_layer_they_follow():
    found = groups("c = Conv(x, w) s = Sigmoid(c) m = Mul(c, s) y = GlobalAveragePool(m)")

    assert found == {"Conv": {"Conv", "Sigmoid", "Mul", "GlobalAveragePool"}}


def test_what_joins_layers_belongs_to_none():
    found = groups("a = Conv(x, w) b = Conv(a, w) r = Relu(b) s = Add(a, r) y = Sigmoid(s)")

    assert found == {"Conv": {"Conv"}, "Conv_1": {"Conv_1", "Relu"}}


def test_what_joins_layers_may_change_precision_by_itself():
    found = groups(
        "a = Conv(x, w) b = Conv(a, w) r = Relu(b) s = Add(a, r) y = Sigmoid(s)",
        alone=["Add", "Relu"],
    )

    assert found == {"Conv": {"Conv"}, "Conv_1": {"Conv_1", "Relu"}, "Add": {"Add"}}


def test_branches_of_one_layer_that_meet_again_are_its_own():
    found = groups("a = Conv(x, w) r = Relu(a) s = Sigmoid(a) y = Concat <axis=1> (r, s)")

    assert found == {"Conv": {"Conv", "Relu", "Sigmoid", "Concat"}}


def test_a_layer_in_float_has_no_group_and_what_it_joins_has_none_either():
    found = groups("a = Conv(x, w) b = Conv(x, w) s = Add(a, b) y = Relu(s)", kept=["Conv_1"])

    assert found == {"Conv": {"Conv"}}
