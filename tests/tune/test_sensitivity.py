from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edgekit.backends.onnxruntime import OnnxRuntime
from edgekit.errors import StageError
from edgekit.graphs import graph_to_bytes
from edgekit.heads.spec import NmsOptions
from edgekit.images.letterbox import letterbox
from edgekit.images.read import read_image
from edgekit.measure.damage import shift, total_damage
from edgekit.pipeline.int8 import quantize_network
from edgekit.tune.image_shares import share_out
from edgekit.tune.sensitivity import Repeatability, SensitivityOptions, measure_sensitivity
from edgekit.tune.variants import variants_of

OPTIONS = SensitivityOptions(images=4, draws=2, nms=NmsOptions())
RUNTIME = OnnxRuntime(threads=1, spin=False, optimize=False)


@pytest.fixture(scope="module")
def found(network, images, precision):
    return measure_sensitivity(network, images, precision, OPTIONS)


def test_every_layer_is_ranked_by_its_damage(found, variants):
    damages = [row.damage.value for row in found.layers]

    assert {row.layer for row in found.layers} == set(variants.groups)
    assert damages == sorted(damages, reverse=True)
    assert sum(row.mac_share for row in found.layers) < 1  # the last ones stay in float
    assert all(row.damage.low <= row.damage.value <= row.damage.high for row in found.layers)


def test_damage_and_relief_are_what_running_whole_networks_gives(found, network, images, precision):
    shares = share_out(images, OPTIONS, precision.precision.calibration.count)
    row = found.layers[0]
    shifts = {"alone": [], "rest": [], "whole": []}
    for draw, calibration in enumerate(shares.calibrations):
        made = variants_of(network.graph, quantize_network(network, calibration, precision))
        graphs = {
            "alone": made.alone(row.layer),
            "rest": made.in_float([row.layer]),
            "whole": made.whole.graph,
        }
        for at in shares.of_draw(draw):
            pixels = letterbox(
                read_image(shares.measured.records[at]).pixels_rgb, network.preprocess
            )
            wanted = run(network.graph, pixels.pixels)
            for name, graph in graphs.items():
                shifts[name].append(shift(wanted, run(graph, pixels.pixels), network.head))

    damages = {name: total_damage(each) for name, each in shifts.items()}
    assert row.damage.value == pytest.approx(damages["alone"], abs=1e-6)
    assert row.relief.value == pytest.approx(damages["whole"] - damages["rest"], abs=1e-6)
    assert found.whole_damage.value == pytest.approx(damages["whole"], abs=1e-6)


def run(graph, pixels):
    with RUNTIME.open(graph_to_bytes(graph)) as session:
        return session.run({session.inputs[0].name: pixels[None]})


def test_agreement_comes_on_request_only(found, network, images, precision):
    silent = measure_sensitivity(network, images, precision, replace(OPTIONS, nms=None, draws=1))

    assert all(0 <= row.agreement <= 1 for row in found.layers)
    assert 0 <= found.whole_agreement <= 1
    assert {row.agreement for row in silent.layers} == {None}
    assert silent.whole_agreement is None


def test_one_draw_cannot_tell_whether_it_would_come_again(network, images, precision):
    single = measure_sensitivity(network, images, precision, SensitivityOptions(images=2, draws=1))

    assert single.repeatability == Repeatability(1, None, None, None)
    assert single.repeatability.repeatable is None


def test_rankings_that_differ_are_said_not_to_be_repeatable():
    assert Repeatability(2, 0.5, 0.3, 0.4).repeatable is False
    assert Repeatability(2, 0.95, 0.8, 0.9).repeatable is True


def test_a_network_without_a_layer_in_8_bits_is_refused(network, images, precision):
    everything = precision.precision.model_copy(update={"noise_limit_db": 1000.0})

    with pytest.raises(StageError, match="No layer of the network would run in INT8"):
        measure_sensitivity(
            network, images, replace(precision, precision=everything), SensitivityOptions(images=2)
        )


def test_the_same_seed_gives_the_same_figures(found, network, images, precision):
    again = measure_sensitivity(network, images, precision, OPTIONS)

    assert again == found
    assert np.isfinite(found.whole_sqnr_db)
