"""Where mAP is lost: exact where only confidences, only places or only detections differ."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings

from edgekit.measure.accuracy import Detections, map_drop, score
from edgekit.measure.coco import truth_table
from edgekit.measure.drops import (
    ENOUGH_IMAGES,
    ENOUGH_OBJECTS,
    Compared,
    causes,
    drops_by_class,
    drops_by_size,
)
from edgekit.values import Boxes
from tests.strategies import seeds

CLASSES = (7, 1, 3)


def apart(seed, images=24):
    """Return detections that lie apart in every image, so that partners are plain."""
    rng = np.random.default_rng(seed)
    found = {}
    for image in range(images):
        corner = np.array([(150 * k, 150 * k) for k in range(4)], float)
        sides = rng.uniform(40, 110, (4, 2))
        scores = np.sort(rng.uniform(0.3, 0.9, 4))[::-1]
        xyxy = np.concatenate([corner, corner + sides], axis=1).astype(np.float32)
        found[image] = Boxes(xyxy, scores.astype(np.float32), rng.integers(0, 3, 4))
    return found


def labelled(scene, boxes):
    """Return a data set whose objects are the strongest detections; the others are wrong."""
    dataset, _ = scene(0, images=len(boxes))
    records = []
    for number, record in enumerate(dataset.records):
        found = boxes[number]
        right = np.arange(len(found)) < 2 + number % 2
        truth = replace(
            record.truth,
            xyxy=found.xyxy[right],
            categories=np.array(CLASSES)[found.classes[right]],
            crowd=np.zeros(right.sum(), bool),
            area=(found.xyxy[right, 2:] - found.xyxy[right, :2]).prod(axis=1),
        )
        records.append(replace(record, id=number, truth=truth))
    return replace(dataset, records=tuple(records))


def compared(dataset, base, other):
    ids = sorted(base)
    return Compared(base, other, ids, truth_table(dataset, ids), CLASSES)


def rescored(boxes):
    return {i: replace(b, scores=b.scores[::-1].copy()) for i, b in boxes.items()}


def displaced(boxes):
    return {i: replace(b, xyxy=b.xyxy + np.float32(6)) for i, b in boxes.items()}


def thinned(boxes):
    return {i: Boxes(b.xyxy[1:], b.scores[1:], b.classes[1:]) for i, b in boxes.items()}


def renamed(boxes):
    return {i: replace(b, classes=(b.classes + 1) % 3) for i, b in boxes.items()}


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        (rescored, "confidence"),
        (displaced, "place"),
        (thinned, "presence"),
        (renamed, "presence"),
    ],
)
def test_a_loss_with_one_cause_is_laid_to_it_alone(scene, change, cause):
    base = apart(seed=1)
    dataset = labelled(scene, base)
    other = change(base)

    found = dict(vars(causes(compared(dataset, base, other))))

    whole = map_drop(Detections("a", base), Detections("b", other), dataset, CLASSES)
    assert whole.value > 3
    assert found.pop(cause) == whole
    assert all((part.value, part.low, part.high) == (0, 0, 0) for part in found.values())


@settings(max_examples=15, deadline=None)
@given(seed=seeds)
def test_the_causes_add_up_to_the_whole_loss(scene, seed):
    dataset, base = scene(seed, images=5)
    other = displaced(rescored(scene(seed, images=5, most_found=39)[1]))
    if not any((~r.truth.crowd).any() for r in dataset.records):
        return

    parts = vars(causes(compared(dataset, base, other))).values()

    first, second = (score(Detections("", b), dataset, CLASSES).map for b in (base, other))
    assert sum(p.value for p in parts) == pytest.approx(100 * (first - second))


@settings(max_examples=15, deadline=None)
@given(seed=seeds)
def test_the_drop_of_a_class_or_size_is_the_difference_of_the_library_figures(scene, seed):
    dataset, base = scene(seed, images=8)
    other = displaced(base)
    if not any((~r.truth.crowd).any() for r in dataset.records):
        return
    both = compared(dataset, base, other)

    classes = drops_by_class(both.matches(base), both.matches(other))
    sizes = drops_by_size(both)

    first, second = (score(Detections("", b), dataset, CLASSES) for b in (base, other))
    names = {c.id: c.name for c in dataset.categories}
    assert {names[p.category]: p.base for p in classes} == pytest.approx(first.per_class)
    assert {names[p.category]: p.other for p in classes} == pytest.approx(second.per_class)
    assert {p.size: p.other for p in sizes} == pytest.approx(
        {
            size: figure
            for size in ("small", "medium", "large")
            if (figure := getattr(second, f"map_{size}")) is not None
        }
    )
    losses = [p.base - p.other for p in classes]
    assert losses == sorted(losses, reverse=True)


def test_an_interval_is_given_only_where_objects_and_images_suffice(scene):
    base = apart(seed=2, images=30)
    dataset = labelled(scene, base)
    rare = [replace(r, truth=only_one(r.truth, 7)) for r in dataset.records[:9]]
    dataset = replace(dataset, records=(*rare, *dataset.records[9:]))
    both = compared(dataset, base, displaced(base))

    parts = drops_by_class(both.matches(base), both.matches(displaced(base)))

    for part in parts:
        enough = part.objects >= ENOUGH_OBJECTS and part.images >= ENOUGH_IMAGES
        assert (part.drop is not None) == enough
        if part.drop:
            assert part.drop.value == pytest.approx(100 * (part.base - part.other))
            assert part.drop.low <= part.drop.value <= part.drop.high


def only_one(truth, category):
    keep = np.flatnonzero(truth.categories != category)
    return replace(
        truth,
        xyxy=truth.xyxy[keep],
        categories=truth.categories[keep],
        crowd=truth.crowd[keep],
        area=truth.area[keep],
    )


def test_few_objects_of_a_class_are_said_to_be_few(scene):
    base = apart(seed=3, images=6)
    dataset = labelled(scene, base)
    both = compared(dataset, base, rescored(base))

    parts = drops_by_class(both.matches(base), both.matches(rescored(base)))

    assert [p.drop for p in parts] == [None] * 3
    assert sum(p.objects for p in parts) == sum(len(r.truth.categories) for r in dataset.records)
