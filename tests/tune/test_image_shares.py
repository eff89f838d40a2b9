from __future__ import annotations

from dataclasses import replace

import pytest

from edgekit.errors import DataError
from edgekit.tune.image_shares import share_out
from edgekit.tune.sensitivity import SensitivityOptions


def names(dataset):
    return {record.path.name for record in dataset.records}


def test_no_image_measures_that_calibrates_and_draws_share_none_where_there_are_enough(images):
    shares = share_out(images, SensitivityOptions(images=4, draws=2), 6)

    assert [len(c.records) for c in shares.calibrations] == [6, 6]
    assert len(names(shares.measured) | names(shares.calibrations[0])) == 10
    assert names(shares.calibrations[0]).isdisjoint(names(shares.calibrations[1]))


def test_too_few_for_draws_of_their_own_are_drawn_by_halves(images):
    shares = share_out(images, SensitivityOptions(images=6, draws=3), 64)

    drawn = [names(c) for c in shares.calibrations]
    assert [len(d) for d in drawn] == [5, 5, 5]
    assert len({frozenset(d) for d in drawn}) > 1
    assert all(d.isdisjoint(names(shares.measured)) for d in drawn)


@pytest.mark.parametrize("draws", [1, 2, 3])
def test_every_image_that_measures_belongs_to_one_draw(images, draws):
    shares = share_out(images, SensitivityOptions(images=7, draws=draws), 4)

    each = [i for draw in range(draws) for i in shares.of_draw(draw)]
    assert each == list(range(7))
    assert min(len(shares.of_draw(draw)) for draw in range(draws)) >= 7 // draws


def test_another_seed_shares_out_otherwise_and_the_same_seed_alike(images):
    one, again, other = (
        names(share_out(images, SensitivityOptions(seed=s), 4).measured) for s in (0, 0, 1)
    )

    assert one == again != other


def test_too_few_images_are_refused_with_the_number_needed(images):
    few = replace(images, records=images.records[:3])

    with pytest.raises(DataError, match=r"at least 4 images for 2 draws.*found 3"):
        share_out(few, SensitivityOptions(draws=2), 4)
