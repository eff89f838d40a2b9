"""A network whose every layer can be switched, shared by the tests of ``tune``."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edgekit.config.calibration import open_source
from edgekit.config.recipe import Int8
from edgekit.pipeline.int8 import Int8Options, quantize_network
from edgekit.pipeline.options import ModelOptions
from edgekit.pipeline.prepare import network_of, prepare
from edgekit.tune.variants import variants_of
from tests.pipeline.tiny import make_tiny

# Random weights drown in rounding noise; here every layer shall be in INT8.
PRECISION = Int8(kind="int8", noise_limit_db=-1000)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    return make_tiny(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def images(tiny):
    every = open_source(str(tiny.calib))
    return replace(every, records=every.records[:16])


@pytest.fixture(scope="session")
def network(tiny):
    return network_of(prepare(tiny.model, ModelOptions()))


@pytest.fixture(scope="session")
def precision():
    return Int8Options(PRECISION, "full")


@pytest.fixture(scope="session")
def variants(network, images, precision):
    return variants_of(network.graph, quantize_network(network, images, precision))
