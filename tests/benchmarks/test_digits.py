import sys
from pathlib import Path

import numpy as np

from edgekit.values import Dataset, ImageRecord, Truth

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

import digits


def record(number, *areas):
    count = len(areas)
    area = np.array(areas, np.float32)
    truth = Truth(np.zeros((count, 4), np.float32), np.zeros(count, int), area > 1e9, area)
    return ImageRecord(number, Path(f"{number}.png"), truth=truth)


def test_objects_are_counted_by_size_as_coco_does():
    dataset = Dataset("d", (record(0, 32**2 - 1, 32**2), record(1), record(2, 96**2 - 1, 96**2)))

    assert digits.boxes_by_size(dataset) == {"small": 1, "medium": 2, "large": 1}


def test_a_bar_is_met_from_its_own_figure_on():
    rows = {
        "as-given fp32": {"map": 0.6},
        "ort defaults on as-given": {"map_drop_points": 4.99},
    }

    found = {bar["at_least"]: (bar["found"], bar["met"]) for bar in digits.bars(rows)}

    assert found == {60.0: (60.0, True), 5.0: (4.99, False)}


def test_every_float_file_meets_every_tool():
    shown = {f"{tool} on {file}" for tool in digits.TOOLS for file in digits.FILES}

    assert len(shown) == len(digits.TOOLS) * len(digits.FILES)
    assert set(digits.TIMED) <= shown
    assert {f"{tool} on {file}" for tool, file in digits.merged_layers.COMPARED} <= shown
    assert {name for _, name, _, _ in digits.BARS} <= {*shown, digits.GIVEN}
