"""Every COCO figure equals that of pycocotools where the rules of matching are put to the test."""

from pathlib import Path

import numpy as np
import pytest

from edgekit.measure.accuracy import Detections, coco_results, matched, score, seen
from edgekit.measure.statistics import weighted_map
from edgekit.values import Boxes, Category, Dataset, ImageRecord, Truth

CLASSES = (1, 2)
SQUARE = (100, 100, 140, 140)


def objects(*boxes, category=1, crowd=False, area=None):
    return [(box, category, crowd, area) for box in boxes]


def found(*boxes, scores=0.5, kind=0):
    levels = np.broadcast_to(scores, len(boxes))
    return [(box, float(s), kind) for box, s in zip(boxes, levels, strict=True)]


def moved(box, by):
    return (box[0] + by, box[1], box[2] + by, box[3])


def square(side, at=0):
    return (at, at, at + side, at + side)


MANY = [
    (20 * (i % 20), 20 * (i // 20), 20 * (i % 20) + 15, 20 * (i // 20) + 15) for i in range(150)
]
TWO = (SQUARE, moved(SQUARE, 60))
CASES = {
    "perfect": [(objects(*TWO), found(*TWO))],
    "image without detections": [(objects(SQUARE), []), (objects(SQUARE), found(SQUARE))],
    "image without objects": [([], found(SQUARE)), (objects(SQUARE), found(SQUARE))],
    "class without objects": [(objects(SQUARE), found(SQUARE) + found(*TWO, kind=1))],
    "class without detections": [
        (objects(SQUARE) + objects(*TWO, category=2), found(SQUARE)),
    ],
    "twice the same box": [
        (objects(SQUARE), found(SQUARE, SQUARE, SQUARE, scores=[0.9, 0.9, 0.8]))
    ],
    "two objects in one place": [(objects(SQUARE, SQUARE), found(SQUARE, SQUARE))],
    "ties within and across images": [
        (objects(SQUARE), found(moved(SQUARE, 300), SQUARE)),
        (objects(SQUARE), found(SQUARE, moved(SQUARE, 300))),
        ([], found(*TWO)),
    ],
    "ties in overlap": [(objects(moved(SQUARE, -5), moved(SQUARE, 5)), found(SQUARE, SQUARE))],
    "all on a crowd": [
        (objects((0, 0, 400, 400), crowd=True), found(*TWO)),
        (objects(SQUARE), found(SQUARE)),
    ],
    "crowd around an object": [
        (objects((0, 0, 400, 400), crowd=True) + objects(SQUARE), found(*TWO, *MANY[:30])),
    ],
    "nothing but crowds of one class": [
        (objects(SQUARE, crowd=True) + objects(SQUARE, category=2), found(SQUARE, kind=1)),
    ],
    "more than a hundred": [
        (objects(*MANY), found(*MANY, scores=np.linspace(0.9, 0.1, 150).round(3))),
    ],
    "more than a hundred, tied": [(objects(*MANY), found(*MANY))],
    "eleven of an image": [(objects(*MANY[:11]), found(*MANY[:11]))],
    "on the edges of the area ranges": [
        (
            objects(square(32), area=1024) + objects(square(96, at=200), area=9216),
            found(square(32), square(96, at=200), square(31.9, at=400), square(96.1, at=330)),
        ),
    ],
    "small by area, large by box": [(objects(square(200), area=900), found(square(200)))],
    "detection of another size than its object": [
        (objects(square(30), area=900), found(square(34))),
        (objects(square(34), area=1156), found(square(30))),
    ],
    "boxes without area": [
        (
            objects(SQUARE) + objects((5, 5, 5, 5), area=0),
            found(SQUARE, (5, 5, 5, 5), (7, 7, 7, 30)),
        ),
    ],
    "exactly at an overlap of a half": [(objects((0, 0, 10, 10)), found((0, 0, 10, 5)))],
    "recall between two levels": [(objects(*MANY[:7]), found(*MANY[2:5], *MANY[60:64]))],
    "certain and impossible": [(objects(*TWO), found(*TWO, scores=[1.0, 0.0]))],
}


def data_set(images):
    records, boxes = [], {}
    for image, (truths, seen_there) in enumerate(images, start=1):
        corners, categories, crowd, areas = zip(*truths, strict=True) if truths else ((),) * 4
        xyxy = np.array(corners, np.float32).reshape(-1, 4)
        sides = xyxy[:, 2:] - xyxy[:, :2]
        known = [a if a is not None else s.prod() for a, s in zip(areas, sides, strict=True)]
        truth = Truth(
            xyxy=xyxy,
            categories=np.array(categories, np.int64),
            crowd=np.array(crowd, np.bool_),
            area=np.array(known, np.float32),
        )
        records.append(ImageRecord(image, Path(f"{image}.png"), (480, 640), truth))
        there, scores, kinds = zip(*seen_there, strict=True) if seen_there else ((),) * 3
        boxes[image] = Boxes(
            np.array(there, np.float32).reshape(-1, 4),
            np.array(scores, np.float32),
            np.array(kinds, np.int64),
        )
    categories = tuple(Category(c, f"kind {c}") for c in CLASSES)
    return Dataset("constructed", tuple(records), categories), Detections("made up", boxes)


@pytest.mark.parametrize("name", CASES)
def test_a_constructed_case_has_the_figures_of_pycocotools(coco_stats, name):
    dataset, detections = data_set(CASES[name])

    accuracy = vars(score(detections, dataset, CLASSES))

    expected = coco_stats(dataset, coco_results(detections, dataset, CLASSES))
    names = ("map", "map50", "map75", "map_small", "map_medium", "map_large")
    figures = [*(accuracy[name] for name in names), *vars(accuracy["recall"]).values()]
    assert figures == pytest.approx([None if s < 0 else s for s in expected], abs=1e-9)


@pytest.mark.parametrize("name", CASES)
def test_our_own_accumulation_gives_the_map_of_the_library(name):
    dataset, detections = data_set(CASES[name])
    ids = seen(dataset, detections)

    ours = weighted_map(
        matched(detections, dataset, CLASSES, ids).matches, np.ones((len(ids), 1), np.int32)
    )

    assert ours[0] == pytest.approx(score(detections, dataset, CLASSES).map, abs=1e-9)
