import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_digits, load_sample_image

from edgekit.errors import MissingExtraError
from edgekit.scenes.sources import PHOTOGRAPHS, columns_of, digits_of, sources, stroke_mask
from tests.scenes.absent import make_absent

SHARES = {"train": 0.5, "calib": 0.125, "search": 0.125, "eval": 0.25}


@given(count=st.integers(0, 3000))
def test_every_digit_is_in_exactly_one_split(count):
    together = np.concatenate([digits_of(split, count) for split in SHARES])

    assert sorted(together) == list(range(count))


@given(width=st.integers(1, 2000))
def test_every_column_of_a_photograph_is_in_exactly_one_split(width):
    together = [i for split in SHARES for i in range(width)[columns_of(split, width)]]

    assert together == list(range(width))


@pytest.mark.parametrize(("split", "share"), SHARES.items())
def test_a_split_has_its_share_of_the_digits_and_of_each_class(split, share):
    found = sources(split)

    counts = np.bincount(found.classes, minlength=10)
    assert len(found.digits) / 1797 == pytest.approx(share, abs=0.03)
    assert counts.min() > 0.6 * share * 1797 / 10


def test_a_digit_stays_in_its_split_when_others_are_added():
    few, many = digits_of("eval", 100), digits_of("eval", 200)

    assert few.tolist() == [i for i in many if i < 100]


@pytest.mark.parametrize("split", SHARES)
def test_cells_classes_and_regions_are_those_of_scikit_learn(split):
    found = sources(split)
    real = load_digits()

    np.testing.assert_allclose(found.cells * 16, real.images[found.digits])
    np.testing.assert_array_equal(found.classes, real.target[found.digits])
    for name, region in zip(PHOTOGRAPHS, found.regions, strict=True):
        photograph = load_sample_image(name)
        np.testing.assert_array_equal(region, photograph[:, columns_of(split, 640)])
        assert region.shape == (427, 640 * SHARES[split], 3)


def test_splits_share_no_digit_that_looks_the_same():
    seen = {s: {cell.tobytes() for cell in sources(s).cells} for s in SHARES}

    pairs = [(a, b) for a in SHARES for b in SHARES if a < b]

    assert [pair for pair in pairs if seen[pair[0]] & seen[pair[1]]] == []


def test_a_stroke_mask_is_an_opacity_with_nothing_at_its_border():
    for cell in sources("eval").cells[:50]:
        mask = stroke_mask(cell)

        assert (mask.shape, mask.dtype) == ((80, 80), np.float32)
        assert (mask.min(), mask.max()) == (0, 1)
        assert not mask[[0, -1]].any()
        assert not mask[:, [0, -1]].any()


def test_a_stroke_mask_lies_where_the_ink_is():
    cell = np.zeros((8, 8), np.float32)
    cell[2:4, 5:7] = 1

    rows, cols = np.nonzero(stroke_mask(cell) > 0.5)

    # Ten pixels per pixel of ink, one of them padding on each side.
    assert (rows.min(), rows.max()) == pytest.approx((24, 39), abs=2)
    assert (cols.min(), cols.max()) == pytest.approx((48, 63), abs=2)
    assert not stroke_mask(np.zeros((8, 8), np.float32)).any()


@pytest.mark.parametrize(("gone", "package"), [("sklearn", "sklearn.datasets"), ("PIL", "PIL")])
def test_a_missing_package_names_the_extra(monkeypatch, gone, package):
    make_absent(monkeypatch, gone)

    with pytest.raises(MissingExtraError, match=rf"needs '{package}'.*edgekit\[demo\]"):
        sources.__wrapped__("eval")
