import numpy as np
import pytest

from edgekit.images.contrast import is_even


@pytest.mark.parametrize("level", [0, 114, 255])
def test_an_image_of_one_level_is_even(level):
    assert is_even(np.full((20, 30, 3), level, np.uint8))


def test_the_noise_of_a_covered_lens_is_even():
    assert is_even(np.random.default_rng(0).integers(0, 12, (20, 30, 3), np.uint8))


def test_one_spot_of_one_colour_is_contrast():
    image = np.zeros((20, 30, 3), np.uint8)
    image[3, 4, 2] = 16

    assert not is_even(image)


def test_an_image_of_one_colour_is_even_however_strong():
    assert is_even(np.full((20, 30, 3), (255, 0, 10), np.uint8))
