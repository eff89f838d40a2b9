from __future__ import annotations

import numpy as np
import pytest

from edgekit.heads.spec import NmsOptions
from edgekit.measure.damage import shift, total_damage
from edgekit.tune.effects import Effects, Watcher, agreement_of
from edgekit.values import Boxes, Dataset, ImageRecord
from tests.heads.heads import distances_head, random_map

HEAD = distances_head(8)
WANTED = [{"out": random_map(35, seed)} for seed in range(3)]
NOISES = {"little": 0.05, "much": 0.5}


def with_noise(image, by):
    noise = np.random.default_rng(image).normal(0, by, WANTED[image]["out"].shape)
    return {"out": (WANTED[image]["out"] + noise).astype(np.float32)}


@pytest.fixture(scope="module")
def watcher():
    made = Watcher(HEAD, NmsOptions())
    for image, outputs in enumerate(WANTED):
        made.see("float", image, outputs, reference=True)
    for name, by in NOISES.items():
        for image in reversed(range(3)):
            made.see(name, image, with_noise(image, by))
    return made


def test_damages_are_those_of_the_images_each_counted_as_often_as_said(watcher):
    effects = watcher.effects(list(NOISES))
    weights = np.array([2, 0, 1])

    shifts = {
        n: [shift(WANTED[i], with_noise(i, by), HEAD) for i in range(3)] for n, by in NOISES.items()
    }
    once = [total_damage(s) for s in shifts.values()]
    often = [total_damage([s[0], s[0], s[2]]) for s in shifts.values()]
    np.testing.assert_allclose(effects.damages(), once, rtol=1e-6)
    np.testing.assert_allclose(effects.damages(weights), often, rtol=1e-6)


def test_signal_to_noise_is_that_of_all_images_together(watcher):
    wanted = np.stack([o["out"] for o in WANTED])
    noisy = np.stack([with_noise(i, NOISES["much"])["out"] for i in range(3)])

    found = watcher.effects(["much", "float"]).sqnr_db()

    expected = 10 * np.log10((wanted**2).sum() / ((noisy - wanted) ** 2).sum())
    assert found[0] == pytest.approx(expected, rel=1e-4)
    assert np.isfinite(found[1])
    assert found[1] > 150


def test_an_output_that_did_not_change_halves_the_noise_and_no_more():
    quiet = np.ones((1, 1, 1))
    effects = Effects(quiet[..., 0], quiet[..., 0], np.float64([[[0.01, 0]]]), np.ones((1, 1, 2)))

    assert effects.sqnr_db() == pytest.approx([10 * np.log10(1 / 0.005)])


def test_an_image_of_which_nobody_is_sure_damages_nothing():
    nothing = {"out": np.full((1, 35, 4, 6), -9, np.float32)}
    made = Watcher(HEAD)
    made.see("float", 0, nothing, reference=True)
    made.see("other", 0, nothing)

    assert made.effects(["other"]).damages() == [0]
    assert made.found == {}


def test_agreement_is_whole_with_itself_and_less_with_more_noise(watcher):
    records = tuple(ImageRecord(100 + i, None) for i in range(3))
    measured = Dataset("made up", records)
    wanted = watcher.found["float"]

    agreements = [agreement_of(wanted, watcher.found[n], measured) for n in ("float", *NOISES)]

    assert agreements[0] == pytest.approx(1)
    assert agreements[0] > agreements[1] > agreements[2]


def test_agreement_is_unknown_where_the_float_network_is_sure_of_nothing():
    nothing = Boxes(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64))
    measured = Dataset("made up", (ImageRecord(1, None),))

    assert agreement_of({0: nothing}, {0: nothing}, measured) is None
