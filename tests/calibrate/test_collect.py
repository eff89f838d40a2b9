import numpy as np
import pytest

from edgekit.backends.onnxruntime import OnnxRuntime
from edgekit.calibrate.collect import collect
from edgekit.errors import StageError
from tests.networks import network

RUNTIME = OnnxRuntime(threads=1, spin=False)
rng = np.random.default_rng(0)
WEIGHT = rng.normal(size=(4, 3, 1, 1)).astype(np.float32)
IMAGES = [rng.normal(0, 1 + n, (1, 3, 5, 7)).astype(np.float32) for n in range(4)]


@pytest.fixture(scope="module")
def graph():
    text = "g (float[1,3,5,7] x) => (y) { c = Conv(x, w) s = Sigmoid(c) y = Mul(c, s) }"
    return network(text, w=WEIGHT)


def convolved(image):
    return np.einsum("oi,nihw->nohw", WEIGHT[:, :, 0, 0], image)


def feeds(images=IMAGES):
    return ({"x": image} for image in images)


def test_statistics_are_those_of_the_values_computed_by_hand(graph):
    found = collect(graph, ["c", "y"], feeds(), RUNTIME)

    wanted = np.stack([convolved(image) for image in IMAGES])
    seen = found.tensors["c"]
    assert (found.images, found.graph) == (4, graph.sha256)
    assert (seen.low, seen.high) == pytest.approx((wanted.min(), wanted.max()), rel=1e-6)
    assert seen.counts.sum() == wanted.size
    np.testing.assert_allclose(seen.channel_powers, (wanted**2).mean(axis=(0, 1, 3, 4)), rtol=1e-5)
    assert found.tensors["y"].high == pytest.approx((wanted / (1 + np.exp(-wanted))).max())


def test_the_images_input_can_be_watched_too(graph):
    found = collect(graph, ["x"], feeds(), RUNTIME)

    assert found.tensors["x"].high == max(image.max() for image in IMAGES)


def test_a_value_without_channels_has_no_channel_powers():
    graph = network("g (float[2,3] x) => (y) { y = Neg(x) }")

    found = collect(graph, ["y"], [{"x": np.ones((2, 3), np.float32)}], RUNTIME)

    assert found.tensors["y"].channel_powers.size == 0


def test_each_image_is_run_once_and_progress_is_told(graph):
    steps = []

    collect(graph, ["c"], feeds(), RUNTIME, lambda *step: steps.append(step))

    assert steps == [("calibrate", done, 0) for done in (1, 2, 3, 4)]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_no_number_is_named_with_its_image(graph, bad):
    broken = IMAGES[1].copy()
    broken[0, 0, 0, 0] = bad

    with pytest.raises(StageError, match="'c' is NaN or infinite on calibration image 2"):
        collect(graph, ["c"], feeds([IMAGES[0], broken]), RUNTIME)


def test_no_image_is_an_error(graph):
    with pytest.raises(StageError, match="Calibration saw no image"):
        collect(graph, ["c"], [], RUNTIME)


def test_nothing_to_watch_is_an_error_that_says_what_it_means(graph):
    with pytest.raises(StageError, match="No value of the network would be encoded in 8 bits"):
        collect(graph, [], feeds(), RUNTIME)
