from dataclasses import replace

import pytest

from edgekit.config.calibration import open_source
from edgekit.config.device import find_device
from edgekit.config.recipe import Int8
from edgekit.errors import ConfigError
from edgekit.graphs import graph_to_bytes
from edgekit.pipeline import int8 as module
from edgekit.pipeline.int8 import (
    Int8Options,
    calibrate_network,
    quantize_calibrated,
    quantize_network,
    weight_rule,
)
from edgekit.pipeline.options import ModelOptions
from edgekit.pipeline.prepare import network_of, prepare
from edgekit.quantize.rules import OPENVINO_X86, ORT_X86
from edgekit.quantize.select import LAST


@pytest.fixture(scope="module")
def network(tiny):
    return network_of(prepare(tiny.model, ModelOptions()))


@pytest.fixture(scope="module")
def calibration(tiny):
    return open_source(str(tiny.calib))


@pytest.fixture
def collected(monkeypatch):
    """How often images were run to calibrate."""
    calls = []
    collect = module.collect

    def counting(*args):
        calls.append(args)
        return collect(*args)

    monkeypatch.setattr(module, "collect", counting)
    return calls


def test_the_same_images_are_run_once(network, calibration, tmp_path, collected):
    options = Int8Options(Int8(kind="int8"), "narrow", tmp_path)

    first = quantize_network(network, calibration, options)
    second = quantize_network(network, calibration, options)

    assert len(collected) == 1
    assert graph_to_bytes(first.graph) == graph_to_bytes(second.graph)


def test_another_observer_reads_the_same_statistics(network, calibration, tmp_path, collected):
    mse, minmax = (
        quantize_network(
            network, calibration, Int8Options(Int8(kind="int8", observer=o), "narrow", tmp_path)
        )
        for o in ("mse", "minmax")
    )

    assert len(collected) == 1
    assert mse.ranges != minmax.ranges


def test_every_image_is_told(network, calibration):
    told = []

    quantize_network(
        network,
        calibration,
        Int8Options(Int8(kind="int8"), "narrow"),
        lambda stage, done, total: told.append((stage, done, total)),
    )

    stages = ("calibrate", "gradients", "biases")
    images = [call for call in told if call[0] in stages]
    assert images == [(stage, i, 32) for stage in stages for i in range(1, 33)]


def test_biases_are_shifted_unless_that_is_switched_off(network, calibration):
    shifted, plain = (
        quantize_network(
            network, calibration, Int8Options(Int8(kind="int8", repair={"bias": on}), "narrow")
        )
        for on in (True, False)
    )

    assert shifted.bias_shifts.keys() & shifted.plan.nodes
    assert plain.bias_shifts == {}
    assert graph_to_bytes(shifted.graph) != graph_to_bytes(plain.graph)


def test_a_layer_asked_to_stay_in_float_stays(network, calibration):
    precision = Int8(kind="int8", keep_float=("Conv_2",))

    kept = quantize_network(network, calibration, Int8Options(precision, "narrow")).plan.kept_float

    assert "Conv_2" in kept


def test_a_pattern_that_names_no_layer_is_refused(network, calibration):
    precision = Int8(kind="int8", keep_float=("no-such-layer",))

    with pytest.raises(ConfigError, match="no-such-layer"):
        quantize_network(network, calibration, Int8Options(precision, "narrow"))


@pytest.mark.parametrize(
    ("asked", "device", "rule"),
    [
        ("auto", "generic-x86-avx2", "paired"),
        ("auto", "generic-x86-vnni", "full"),
        ("full", "generic-x86-avx2", "full"),
        ("narrow", "generic-x86-vnni", "narrow"),
    ],
)
def test_weights_use_the_widest_integers_the_device_sums_exactly(asked, device, rule):
    assert weight_rule(Int8(kind="int8", weight_rule=asked), find_device(device)) == rule


def test_another_runtime_sums_other_neighbours():
    asked, device = Int8(kind="int8"), find_device("generic-x86-avx2")

    assert weight_rule(asked, device, OPENVINO_X86) == "paired-channels"


def test_what_shares_an_encoding_is_part_of_the_plan(network, calibration):
    options = Int8Options(Int8(kind="int8", observer="minmax"), "narrow")
    calibrated = calibrate_network(network, calibration, options)

    sharing = replace(calibrated, shared=frozenset({"a join"}))

    kept = {**calibrated.kept_float, **calibrated.drowned}
    found = quantize_calibrated(network, sharing, kept, options).plan.shared
    assert (found, calibrated.shared) == ({"a join"}, frozenset())


@pytest.mark.parametrize(("rules", "searched"), [(ORT_X86, False), (OPENVINO_X86, True)])
def test_last_layers_that_a_runtime_gives_floats_from_are_a_searchs_to_decide(
    network, calibration, rules, searched
):
    few = replace(calibration, records=calibration.records[:8])
    options = Int8Options(Int8(kind="int8", noise_limit_db=-1000), "full", rules=rules)

    found = calibrate_network(network, few, options)

    last = {name for name, why in (found.kept_float | found.drowned).items() if why == LAST}
    assert last
    assert last <= (found.drowned if searched else found.kept_float).keys()
    assert LAST in quantize_network(network, few, options).plan.kept_float.values()
