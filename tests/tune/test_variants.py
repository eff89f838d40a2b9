from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgekit.graphs import graph_to_bytes
from edgekit.quantize.encode import encode_weight
from edgekit.quantize.plan import plan
from edgekit.quantize.quantize import quantize
from edgekit.tune.variants import EncodedWeights


def kinds(graph):
    return [node.op_type for node in graph.model.graph]


def test_no_layer_in_float_is_the_quantized_network_itself(variants):
    assert graph_to_bytes(variants.in_float(())) == graph_to_bytes(variants.whole.graph)


def test_a_layer_in_float_is_what_keeping_its_nodes_makes(network, variants):
    layer = next(iter(variants.groups))
    whole = variants.whole
    kept = {**whole.plan.kept_float, **dict.fromkeys(variants.groups[layer], "kept")}
    decided = plan(network.graph, whole.plan.rules, kept)
    expected = quantize(
        network.graph, decided, whole.ranges, whole.weight_rule, whole.bias_shifts
    ).graph

    assert layer in whole.bias_shifts
    assert graph_to_bytes(variants.in_float([layer])) == graph_to_bytes(expected)


def test_alone_quantizes_the_weights_of_that_layer_only(network, variants):
    for layer in variants.groups:
        graph = variants.alone(layer)

        quantized = [
            node.name
            for node in graph.model.graph
            if node.op_type == "Conv" and node.inputs[1].const_value is None
        ]
        assert quantized == [layer]


def test_all_in_float_quantizes_nothing(variants):
    assert "QuantizeLinear" not in kinds(variants.all_float())


def test_remembered_weights_are_those_that_encoding_gives():
    remember = EncodedWeights()
    weight = np.random.default_rng(0).normal(size=(4, 3, 3, 3)).astype(np.float32)
    cases = [(0, "full", 0.0), (0, "paired", 0.0), (1, "full", 0.0), (0, "full", np.float32([1]))]

    for _ in range(2):
        for axis, rule, smallest in cases:
            found = remember(weight, axis, rule, smallest)
            expected = encode_weight(weight, axis, rule, smallest)
            np.testing.assert_array_equal(found.integers, expected.integers)
            np.testing.assert_array_equal(found.scales, expected.scales)
    assert remember(weight, 0, "full") is remember(weight.copy(), 0, "full")


def test_joins_share_in_every_variant_what_they_share_in_the_whole(variants):
    sharing = replace(variants.whole.plan, shared=frozenset({"a join"}))
    whole = replace(variants.whole, plan=sharing)

    decided = replace(variants, whole=whole).plan_of(())

    assert decided.shared == {"a join"}
