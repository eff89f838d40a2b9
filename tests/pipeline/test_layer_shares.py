from __future__ import annotations

import pytest

from edgekit.config.calibration import open_source
from edgekit.config.recipe import Int8
from edgekit.pipeline.int8 import Int8Options, quantize_network
from edgekit.pipeline.layer_shares import MOST, layer_shares
from edgekit.pipeline.options import ModelOptions
from edgekit.pipeline.prepare import network_of, prepare


@pytest.fixture(scope="module")
def network(tiny):
    return network_of(prepare(tiny.model, ModelOptions()))


def test_shares_are_of_all_that_rounding_costs(network):
    first, second = (node for node in list(network.graph.model.graph)[:2])
    costs = {first.outputs[0].name: 1.0, second.outputs[0].name: 3.0, "no layer's": 4.0}

    shares = layer_shares(network.graph, costs)

    assert [(s.layer, s.share) for s in shares] == [(second.name, 0.375), (first.name, 0.125)]


def test_without_costs_there_are_no_shares(network):
    assert layer_shares(network.graph, {}) == ()


def test_a_quantized_network_tells_what_rounding_its_values_costs(network, tiny):
    options = Int8Options(Int8(kind="int8"), "narrow")
    quantized = quantize_network(network, open_source(str(tiny.calib)), options)

    shares = layer_shares(network.graph, quantized.costs)

    assert set(quantized.costs) <= set(quantized.plan.leaders)
    assert 0 < len(shares) <= MOST
    assert all(cost >= 0 for cost in quantized.costs.values())
    assert sum(s.share for s in shares) <= 1 + 1e-9
