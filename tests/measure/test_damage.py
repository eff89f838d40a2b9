"""The damage of outputs, against the same figure worked out prediction by prediction."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgekit.boxes import box_iou
from edgekit.errors import StageError
from edgekit.heads.decode import decode
from edgekit.measure.damage import FLOOR, Shift, damage, shift, total_damage
from tests.heads.heads import HEADS, decoded_head, detections_head, distances_head, random_map

DENSE = {name: head for name, head in HEADS.items() if name != "detections"}
COLUMNS = 35


def outputs_of(head, seed):
    """Outputs of plausible confidence: those without an activation hold it themselves."""
    raw = random_map(COLUMNS, seed)
    if head.kind == "detections":
        return some_detections(seed)
    return {"out": raw if head.activation == "sigmoid" else np.abs(raw) / 4}


def rows_of(*rows):
    """Outputs of ``detections_head``: left, top, right, bottom, confidence, class."""
    return {"out": np.float32(rows).reshape(1, -1, 6)}


def some_detections(seed, count=20):
    rng = np.random.default_rng(seed)
    corner, side = rng.uniform(0, 30, (count, 2)), rng.uniform(2, 12, (count, 2))
    last = np.stack([rng.random(count), rng.integers(0, 3, count)], axis=1)
    return rows_of(np.concatenate([corner, corner + side, last], axis=1))


def moved(outputs, seed, by):
    noise = np.random.default_rng(seed).normal(0, by, outputs["out"].shape)
    return {"out": (outputs["out"] + noise).astype(np.float32)}


def by_hand(reference, outputs, head):
    """Compare every prediction in every class, one at a time."""
    kept = either = 0.0
    before, after = (decode(o, head, -99.0) for o in (reference, outputs))
    for i in range(len(before)):
        strong = float(max(before.scores[i], after.scores[i]))
        if strong > FLOOR:
            iou = float(box_iou(before.xyxy[i : i + 1], after.xyxy[i : i + 1])[0, 0])
            met = min(1.0, max(0.0, 2 * iou - 1))
            kept += float(min(before.scores[i], after.scores[i])) * met
            either += strong
    return 1 - kept / either


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**32 - 1), by=st.sampled_from([0.01, 0.1, 1.0]))
@pytest.mark.parametrize("head", DENSE.values(), ids=DENSE.keys())
def test_damage_is_what_comparing_each_prediction_gives(head, seed, by):
    reference = outputs_of(head, seed)
    outputs = moved(reference, seed, by)

    found = damage(reference, outputs, head)

    assert found == pytest.approx(by_hand(reference, outputs, head), abs=1e-4)


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS.keys())
def test_a_network_does_itself_no_damage(head):
    outputs = outputs_of(head, 3)

    assert damage(outputs, outputs, head) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("head", DENSE.values(), ids=DENSE.keys())
def test_more_noise_is_more_damage(head):
    reference = outputs_of(head, 5)

    damages = [damage(reference, moved(reference, 1, by), head) for by in (0.001, 0.01, 0.1, 1.0)]

    assert damages == sorted(damages)
    assert 0 < damages[0] < damages[-1] <= 1


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS.keys())
def test_it_does_not_matter_which_network_is_the_float_one(head):
    one = outputs_of(head, 5)
    other = moved(one, 1, 0.2)

    assert damage(one, other, head) == pytest.approx(damage(other, one, head), abs=1e-6)


def test_what_only_the_other_network_sees_counts_too():
    head = decoded_head(activation="sigmoid")
    nothing = {"out": np.full((1, 7, 4, 6), -9, np.float32)}
    something = {"out": nothing["out"].copy()}
    something["out"][0, 4, 2, 3] = 4.0

    assert damage(nothing, something, head) == pytest.approx(1, abs=1e-3)
    assert damage(nothing, nothing, head) == 0


def test_what_neither_network_is_confident_of_does_not_count():
    head = distances_head(1)
    reference = {"out": np.full((1, 7, 4, 6), -9, np.float32)}
    reference["out"][0, :, 1, 1] = 3.0
    outputs = {"out": reference["out"].copy()}
    outputs["out"][0, :4, 2, 2] = 50.0

    assert damage(reference, outputs, head) == pytest.approx(0, abs=1e-6)


def test_numbers_that_are_none_count_as_lost():
    head = distances_head(8)
    reference = outputs_of(head, 2)
    broken = {"out": np.full_like(reference["out"], np.nan)}

    assert damage(reference, broken, head) == 1


def test_detections_are_compared_in_whatever_order_they_come():
    head = detections_head()
    reference = rows_of([0, 0, 10, 10, 0.9, 1], [20, 20, 30, 30, 0.6, 2], [0, 0, 9, 9, 0.0, 0])
    turned = rows_of([20, 20, 30, 30, 0.6, 2], [0, 0, 10, 10, 0.9, 1], [5, 5, 9, 9, 0.0, 0])

    assert damage(reference, turned, head) == pytest.approx(0, abs=1e-6)


def test_a_detection_is_kept_once_and_only_in_its_class():
    head = detections_head()
    reference = rows_of([0, 0, 10, 10, 0.8, 1], [20, 20, 30, 30, 0.4, 2])
    doubled = rows_of([0, 0, 10, 10, 0.6, 1], [0, 0, 10, 10, 0.5, 1])
    relabelled = rows_of([0, 0, 10, 10, 0.8, 2], [20, 20, 30, 30, 0.4, 1])

    # Kept 0.6 of 0.8; the second copy and the lost detection stand alone.
    assert damage(reference, doubled, head) == pytest.approx(1 - 0.6 / (0.8 + 0.4 + 0.5))
    assert damage(reference, relabelled, head) == 1


def test_images_count_by_the_confidence_in_them():
    busy, quiet = Shift(kept=30, either=40), Shift(kept=0, either=1)

    assert total_damage([busy, quiet]) == pytest.approx(1 - 30 / 41)
    assert total_damage([Shift(0, 0)]) == total_damage([]) == 0


def test_damage_over_images_is_that_of_their_shifts():
    head = distances_head(8)
    pairs = [(outputs_of(head, seed), outputs_of(head, seed + 10)) for seed in range(3)]

    shifts = [shift(a, b, head) for a, b in pairs]

    assert total_damage([shifts[0]]) == damage(*pairs[0], head)
    each = [damage(a, b, head) for a, b in pairs]
    assert min(each) < total_damage(shifts) < max(each)


@pytest.mark.parametrize("head", [distances_head(8), detections_head()])
def test_a_missing_output_says_which_there_are(head):
    good = {"out": random_map(COLUMNS)}

    with pytest.raises(StageError, match="other"):
        damage({"other": good["out"]}, {"other": good["out"]}, head)
