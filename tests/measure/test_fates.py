"""What became of detections, on images where the answer is known."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings

from edgekit.measure.fates import FATES, OF_BASE, changes
from edgekit.values import Boxes
from tests.strategies import seeds

BOX = (0, 0, 100, 100)
SWAPPED = {"faded": "risen", "risen": "faded", "missed": "new", "new": "missed"}


def found(*rows):
    """Return detections of (left, top, right, bottom), confidence and class each."""
    return Boxes(
        np.array([row[0] for row in rows], np.float32).reshape(-1, 4),
        np.array([row[1] for row in rows], np.float32),
        np.array([row[2] for row in rows], np.int64),
    )


def fates(base, other, confidence=0.25):
    return [c.fate for c in changes({1: base}, {1: other}, [1], confidence)]


@pytest.mark.parametrize(
    ("partner", "fate"),
    [
        ((BOX, 0.8, 0), ["kept"]),
        (((0, 0, 100, 51), 0.3, 0), ["kept"]),
        (((0, 0, 100, 49), 0.3, 0), ["moved"]),
        (((0, 0, 100, 11), 0.3, 0), ["moved"]),
        (((0, 0, 100, 9), 0.3, 0), ["missed", "new"]),
        ((BOX, 0.8, 1), ["other-class"]),
        (((0, 0, 100, 49), 0.8, 1), ["missed", "new"]),
        ((BOX, 0.24, 0), ["faded"]),
        ((BOX, 0.11, 0), ["faded"]),
        ((BOX, 0.09, 0), ["missed"]),
        ((BOX, 0.24, 1), ["missed"]),
        (((200, 200, 300, 300), 0.8, 0), ["missed", "new"]),
    ],
)
def test_one_detection_comes_to(partner, fate):
    assert fates(found((BOX, 0.8, 0)), found(partner)) == fate


def test_what_the_first_model_has_below_the_confidence_is_risen_and_not_new():
    assert fates(found((BOX, 0.24, 0)), found((BOX, 0.26, 0))) == ["risen"]
    assert fates(found((BOX, 0.09, 0)), found((BOX, 0.26, 0))) == ["new"]


def test_weak_detections_of_both_come_to_nothing():
    assert fates(found((BOX, 0.24, 0)), found((BOX, 0.24, 0))) == []


def test_a_partner_of_its_own_class_goes_before_one_that_overlaps_more():
    base = found((BOX, 0.8, 0))
    other = found(((0, 0, 100, 60), 0.5, 0), (BOX, 0.9, 1))

    assert fates(base, other) == ["kept", "new"]


def test_the_pair_names_the_rows_it_is_made_of_and_their_overlap():
    base = found(((300, 0, 340, 40), 0.9, 0), (BOX, 0.8, 0))
    other = found(((0, 0, 100, 80), 0.7, 0), ((500, 500, 600, 600), 0.6, 2))

    kept, missed, new = changes({7: base}, {7: other}, [7], 0.25)

    assert (kept.fate, kept.image, kept.base, kept.other) == ("kept", 7, 1, 0)
    assert kept.iou == pytest.approx(0.8)
    assert (missed.fate, missed.base, missed.other) == ("missed", 0, None)
    assert (new.fate, new.base, new.other) == ("new", None, 1)


@settings(max_examples=40)
@given(seed=seeds)
def test_every_sure_detection_of_either_model_comes_to_one_fate(scene, seed):
    _, base = scene(seed, images=3, most_found=30)
    _, other = scene(seed + 1, images=3, most_found=30)
    base = dict(zip(range(3), base.values(), strict=True))
    other = dict(zip(range(3), other.values(), strict=True))

    told = changes(base, other, range(3), 0.3)

    first = [(c.image, c.base) for c in told if c.fate in OF_BASE]
    second = [(c.image, c.other) for c in told if c.fate not in ("faded", "missed")]
    assert sorted(first) == sure(base)
    assert sorted(second) == sure(other)
    partners = [(c.image, c.other) for c in told if c.other is not None]
    assert len(set(partners)) == len(partners)
    assert {c.fate for c in told} <= set(FATES)


def sure(boxes):
    return [(i, int(row)) for i, b in boxes.items() for row in np.flatnonzero(b.scores >= 0.3)]


@settings(max_examples=40)
@given(seed=seeds)
def test_seen_from_the_other_side_faded_is_risen_and_missed_is_new(seed):
    rng = np.random.default_rng(seed)
    first, second = (jittered(rng) for _ in range(2))

    there = Counter(fates(first, second))
    back = Counter(fates(second, first))

    # Pairing kind by kind takes faded before risen, which only matters in crowds.
    assert there == Counter({SWAPPED.get(fate, fate): n for fate, n in back.items()})


def jittered(rng):
    """Return five detections far apart, each moved, renamed and rescored at random."""
    boxes = [
        (np.array(BOX) + 300 * k + rng.integers(-40, 40, 4), rng.uniform(0.05, 0.6), rng.choice(2))
        for k in range(5)
    ]
    return found(*boxes)
