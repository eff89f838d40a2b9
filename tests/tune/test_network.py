from __future__ import annotations

from dataclasses import replace

import onnx_ir as ir
import pytest

from edgekit.backends.node_times import NodeTimes
from edgekit.backends.onnxruntime import OnnxRuntime
from edgekit.errors import EdgekitError
from edgekit.graphs import graph_from_model, graph_to_bytes
from edgekit.measure.machine import describe_machine
from edgekit.pipeline.int8 import quantize_calibrated, quantize_network
from edgekit.tune import network as module
from edgekit.tune.forecast import Times
from edgekit.tune.network import SLOWER_OR_WORSE, tuned_network

LIMIT_DB = 1000.0  # no layer is that exact
RUNTIME = OnnxRuntime(threads=1, spin=False)


@pytest.fixture(scope="module")
def tuned(network, images, precision):
    return tuned_network(network, images, precision, RUNTIME)


def test_without_a_layer_in_float_it_is_what_a_conversion_makes(tuned, network, images, precision):
    converted = quantize_network(network, images, precision)

    assert graph_to_bytes(tuned.graph(frozenset())) == graph_to_bytes(converted.graph)
    assert tuned.drowned == frozenset()
    assert tuned.input_hw == (64, 64)


def test_what_is_built_to_be_shipped_is_what_was_tried(tuned):
    layer = tuned.forecaster.layers[0]

    built = tuned.quantized(frozenset({layer}))

    assert graph_to_bytes(built.graph) == graph_to_bytes(tuned.graph(frozenset({layer})))
    assert built.plan.kept_float[layer] == SLOWER_OR_WORSE
    assert built.statistics is not None


def test_layers_that_a_conversion_leaves_in_float_are_known(network, images, precision):
    strict = precision.precision.model_copy(update={"noise_limit_db": LIMIT_DB})
    some = replace(precision, precision=strict)

    tuned = tuned_network(network, images, some, RUNTIME)

    converted = quantize_network(network, images, some)
    kept = {layer for layer in tuned.forecaster.layers if layer not in converted.plan.nodes}
    assert tuned.drowned == kept != set()
    assert graph_to_bytes(tuned.graph(tuned.drowned)) == graph_to_bytes(converted.graph)


@pytest.fixture
def pooled(network):
    """The network with a pooling of the image itself, which is part of no layer."""
    model = network.graph.model.clone()
    first = next(node for node in model.graph if node.op_type == "Conv")
    pool = ir.node("MaxPool", [first.inputs[0]], {"kernel_shape": [1, 1]}, name="pool")
    pool.outputs[0].name = "pooled"
    model.graph.insert_before(first, pool)
    first.replace_input_with(0, pool.outputs[0])
    return replace(network, graph=graph_from_model(model))


def test_what_drowns_between_layers_is_a_choice_of_its_own(pooled, images, precision, monkeypatch):
    known = module.calibrate_network

    def drowning(*asked):
        return replace(known(*asked), drowned={"pool": "lost in noise"})

    monkeypatch.setattr(module, "calibrate_network", drowning)

    tuned = tuned_network(pooled, images, precision, RUNTIME)

    calibrated = drowning(pooled, images, precision)
    in_float = {**calibrated.kept_float, **calibrated.drowned}
    converted = quantize_calibrated(pooled, calibrated, in_float, precision)
    assert tuned.drowned == {"pool"} < set(tuned.forecaster.layers)
    assert graph_to_bytes(tuned.graph(tuned.drowned)) == graph_to_bytes(converted.graph)
    assert "pool" in tuned.quantized(frozenset()).plan.nodes - converted.plan.nodes


def test_rounding_costs_something_in_every_layer(tuned):
    whole = tuned.forecaster.of(frozenset())

    assert whole.damage > tuned.forecaster.of(frozenset(tuned.forecaster.layers)).damage == 0
    assert whole.time_us > 0


def test_times_of_nodes_are_those_of_one_version_of_the_runtime(
    network, images, precision, monkeypatch
):
    machine, keys = describe_machine(), []
    times = Times(NodeTimes({}, 1.0), NodeTimes({}, 1.0), 0.0)
    monkeypatch.setattr(module, "kept_times", lambda _, key, __: keys.append(key) or times)

    for version in ("1.0", "2.0", "2.0"):
        versions = {**machine.versions, "onnxruntime": version}
        another = replace(machine, versions=versions)
        monkeypatch.setattr(module, "describe_machine", lambda found=another: found)
        tuned_network(network, images, precision, RUNTIME)

    assert keys[0] != keys[1] == keys[2]


def test_a_network_without_a_layer_to_choose_for_is_refused(network, images, precision):
    kept = precision.precision.model_copy(update={"keep_float": ("Conv_*",)})

    with pytest.raises(EdgekitError, match=r"encoded in 8 bits: .*Keep fewer nodes in float"):
        tuned_network(network, images, replace(precision, precision=kept), RUNTIME)
