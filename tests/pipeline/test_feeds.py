from dataclasses import replace

import numpy as np
import pytest

from edgekit.config.calibration import open_source
from edgekit.images.letterbox import letterbox
from edgekit.images.read import read_image
from edgekit.pipeline.feeds import image_feeds
from edgekit.pipeline.options import ModelOptions
from edgekit.pipeline.prepare import network_of, prepare


@pytest.fixture(scope="module")
def network(tiny):
    return network_of(prepare(tiny.model, ModelOptions()))


@pytest.fixture(scope="module")
def two(tiny):
    whole = open_source(str(tiny.calib))
    return replace(whole, records=whole.records[:2])


def test_each_image_is_letterboxed_for_the_networks_input(network, two):
    feeds = list(image_feeds(network.graph, two, network.preprocess))

    name = network.graph.model.graph.inputs[0].name
    pixels = [read_image(record).pixels_rgb for record in two.records]
    assert [list(feed) for feed in feeds] == [[name]] * 2
    for feed, image in zip(feeds, pixels, strict=True):
        assert np.array_equal(feed[name], letterbox(image, network.preprocess).pixels[None])


def test_an_image_that_cannot_be_read_is_passed_over_and_told(network, two, tmp_path):
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no image")
    records = (replace(two.records[0], path=broken), two.records[1])
    told = []

    feeds = image_feeds(
        network.graph,
        replace(two, records=records),
        network.preprocess,
        "look",
        lambda *step: told.append(step),
    )

    assert len(list(feeds)) == 1
    assert told == [("look", 1, 2), ("look", 2, 2)]
