from dataclasses import replace

import pytest

from edgekit.errors import ConfigError
from edgekit.measure.preprocess_probe import probe, require_sane, variants
from edgekit.values import Preprocess

CATEGORIES = (1, 2)
WRONG = Preprocess((32, 32), color="bgr")


def test_swapped_colours_are_found_and_named_with_figures(detector, colour_images):
    found = probe(detector(preprocess=WRONG), colour_images(8), CATEGORIES)

    assert found.map < 0.5
    assert found.better[0].change == "color rgb"
    assert found.better[0].map == pytest.approx(1.0)
    assert found.better[0].preprocess == replace(WRONG, color="rgb")
    assert "color rgb gives mAP 1.000 instead of 0" in found.warning()


def test_the_right_preprocessing_is_left_alone(detector, colour_images):
    found = probe(detector(), colour_images(8), CATEGORIES)

    assert found.map == pytest.approx(1.0)
    assert found.better == ()
    assert found.warning() is None


def test_only_so_many_images_are_tried(detector, colour_images):
    assert probe(detector(), colour_images(8), CATEGORIES, limit=4).images == 4


def test_each_variant_changes_one_thing(detector):
    usual = detector().preprocess

    for change, other in variants(detector()):
        differing = [f for f in vars(usual) if getattr(usual, f) != getattr(other, f)]
        assert differing in (["color"], ["resize"], ["std"], ["mean", "std"]), change


def test_a_network_that_normalises_inside_keeps_its_normalisation(detector):
    candidate = detector(kind="u8-nhwc")

    assert {p.std for _, p in variants(candidate)} == {candidate.preprocess.std}


def test_an_fp32_model_near_zero_stops_with_what_to_check(detector, colour_images):
    dataset = colour_images(8)
    probed = probe(detector(preprocess=WRONG), dataset, CATEGORIES)

    with pytest.raises(ConfigError) as caught:
        require_sane(replace(probed, map=0.0), dataset)

    message = str(caught.value)
    assert "color rgb gives mAP 1.000" in message
    assert "--preprocess" in message
    assert "--force" in message


def test_a_working_model_goes_on(detector, colour_images):
    dataset = colour_images(2)

    require_sane(probe(detector(), dataset, CATEGORIES), dataset)
