import numpy as np
import pytest

from edgekit.scenes.backdrop import backdrop, clutter_mask
from edgekit.scenes.chance import Chance
from edgekit.scenes.sources import Sources, sources


def plain(*values):
    """Sources whose photographs are flat: a region of each grey value."""
    real = sources("eval")
    regions = tuple(np.full((120, 90, 3), value, np.float32) for value in values)
    return Sources(real.digits, real.cells, real.classes, regions)


@pytest.mark.parametrize("side", [16, 100])
def test_a_backdrop_is_a_picture_of_the_size_asked_for(side):
    pictures = [backdrop(sources("calib"), Chance("size", i), side) for i in range(20)]

    assert {(p.shape, p.dtype) for p in pictures} == {((side, side, 3), np.dtype(np.float32))}
    assert min(p.min() for p in pictures) >= 0
    assert max(p.max() for p in pictures) <= 255


def test_the_same_chance_draws_the_same_backdrop_and_another_one_another():
    first, again, other = (backdrop(sources("eval"), Chance(key), 32) for key in "aab")

    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 10


def test_a_flat_photograph_gives_a_flat_backdrop():
    for i in range(20):
        picture = backdrop(plain(90.0), Chance("flat", i), 24)

        assert np.ptp(picture, axis=(0, 1)).max() < 1e-2


def test_some_backdrops_fade_from_one_piece_to_another():
    pictures = [backdrop(plain(20.0, 220.0), Chance("fade", i), 24) for i in range(60)]

    faded = [p for p in pictures if np.ptp(p, axis=(0, 1)).max() > 20]

    assert 0 < len(faded) < 30
    for picture in faded:
        down, across = np.ptp(picture, axis=0).max(), np.ptp(picture, axis=1).max()
        # Along one axis only, and never back.
        assert min(down, across) < 1e-2
        line = picture[:, 0, 0] if down > across else picture[0, :, 0]
        assert np.all(np.diff(line) >= -1e-3) or np.all(np.diff(line) <= 1e-3)


def test_clutter_is_an_opacity_of_many_shapes_and_sizes():
    chance = Chance("clutter")

    masks = [clutter_mask(sources("eval"), chance) for _ in range(100)]

    assert {(m.ndim, m.dtype) for m in masks} == {(2, np.dtype(np.float32))}
    assert min(m.min() for m in masks) == 0
    assert max(m.max() for m in masks) <= 1
    assert sum(m.max() > 0.5 for m in masks) > 90
    heights = sorted(m.shape[0] for m in masks)
    assert heights[10] < 30
    assert heights[-10] > 100


def test_clutter_is_drawn_from_the_digits_of_the_split_alone():
    real = plain(0.0)
    blank = Sources(real.digits, np.zeros_like(real.cells), real.classes, real.regions)

    masks = [clutter_mask(blank, Chance("blank", i)) for i in range(60)]

    # Two kinds in five are scrambled digits: without ink nothing is left of those.
    assert 12 < sum(not m.any() for m in masks) < 36
