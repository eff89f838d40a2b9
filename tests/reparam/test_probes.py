import numpy as np
import pytest

from edgekit.errors import StageError
from edgekit.reparam.probes import probe_inputs
from tests.networks import network


def test_the_probes_of_a_float_input_are_noise_in_unit_range_and_a_picture_in_pixel_range():
    noise, picture = probe_inputs(network("g (float[1,3,70,33] x) => (y) { y = Relu(x) }"))
    assert noise["x"].shape == picture["x"].shape == (1, 3, 70, 33)
    assert noise["x"].dtype == picture["x"].dtype == np.float32
    assert 0.9 < noise["x"].max() < 1
    assert 150 < picture["x"].max() < 255
    neighbours = np.corrcoef(picture["x"][0, 0, 1:].ravel(), picture["x"][0, 0, :-1].ravel())
    assert neighbours[0, 1] > 0.5


def test_a_pixel_input_gets_whole_pixel_values():
    probes = probe_inputs(network("g (uint8[1,8,8,3] x) => (y) { y = Cast<to=1>(x) }"))
    assert [probe["x"].dtype for probe in probes] == [np.uint8, np.uint8]
    assert all(probe["x"].max() > 128 for probe in probes)


def test_the_same_seed_gives_the_same_probes():
    graph = network("g (float[1,3,8,8] x) => (y) { y = Relu(x) }")
    for one, other in zip(probe_inputs(graph, 3), probe_inputs(graph, 3), strict=True):
        np.testing.assert_array_equal(one["x"], other["x"])


def test_a_dynamic_shape_is_an_error_that_names_the_input():
    with pytest.raises(StageError, match=r"input 'x'.*static shape"):
        probe_inputs(network("g (float[n,3,8,8] x) => (y) { y = Relu(x) }"))
