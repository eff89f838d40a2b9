import sys
from pathlib import Path

import numpy as np

from edgekit.values import Category, Dataset, ImageRecord, Truth

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

import bccd


def record(number, *categories):
    count = len(categories)
    boxes = np.arange(4 * count, dtype=np.float32).reshape(count, 4)
    truth = Truth(boxes, np.array(categories), np.zeros(count, bool), np.ones(count, np.float32))
    return ImageRecord(number, Path(f"{number}.png"), truth=truth)


def test_a_class_alone_keeps_every_image_and_its_own_boxes():
    categories = (Category(1, "RBC"), Category(2, "WBC"))
    dataset = Dataset("d", (record(1, 1, 2, 1), record(2), record(3, 2)), categories)

    alone = bccd.of_class(dataset, 2)

    assert [len(r.truth.xyxy) for r in alone.records] == [1, 0, 1]
    assert alone.records[0].truth.xyxy.tolist() == [[4, 5, 6, 7]]


def test_bars_look_at_both_sides_and_at_parts_that_ran():
    rows = {
        bccd.GIVEN: {"map50": 0.8499},
        bccd.INT8: {"map_drop_points": 0.51, "agreement": 0.95, "mac_share_int8": 0.9},
    }

    found = {bar["bar"]: bar for bar in bccd.bars({"accuracy": {"rows": rows}})}

    assert [bar["met"] for bar in found.values()] == [False, False, True, True]
    assert found["points of mAP50-95 that INT8 loses"]["at_most"] == 0.5
    assert "speed of INT8 over edgekit's FP32" not in found
