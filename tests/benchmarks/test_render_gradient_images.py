import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

import render_gradient_images

ROW = {
    "images": 32,
    "seconds": 28.8,
    "damage": 0.09955,
    "agreement": 0.9694,
    "points_gained": [-0.44, -1.81, 1.07],
}


def test_each_number_of_images_has_a_line():
    lines = render_gradient_images.table({"models": {"net": {"rows": [ROW]}}})

    assert lines[-2] == "| net | 32 | 29 | 0.100 | 0.969 | -0.4 (-1.8 to 1.1) |"


def test_nothing_is_said_before_anything_was_measured():
    assert render_gradient_images.table({}) == [""]
