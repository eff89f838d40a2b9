import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

import render
import render_calibration
from committed import committed


def row(images, difference, more, agreed):
    return {
        "images": images,
        "difference_of_half": difference,
        "more": more,
        "agreement": agreed,
    }


def test_draws_of_one_size_are_one_line_with_their_spread():
    rows = [row(32, 0.03, 0, 0.95), row(32, 0.04, 24, 0.97), row(128, 0.0151, 0, 0.9693)]

    lines = render_calibration.sizes({"yolov8n": {"commit": "abc", "rows": rows}})

    assert lines[3:-1] == [
        "| yolov8n | 32 | 2 | 3.5 % | stop, add 24 | 0.960 | 0.950 to 0.970 |",
        "| yolov8n | 128 | 1 | 1.5 % | stop | 0.969 |  |",
    ]


def test_pairs_taken_for_one_picture_are_named_and_shares_are_percent():
    result = {
        "sets": {"cells": {"images": 50, "pairs": 1225, "alike": ["a.jpg and b.jpg"]}},
        "copies": {"mirrored": 0.0047},
    }

    lines = render_calibration.duplicates(result)

    assert "- cells: 1 of 1,225 pairs of 50 images (a.jpg and b.jpg)" in lines
    assert "- mirrored: 0.5%" in lines


def test_the_cost_names_every_pass():
    cost = {"seconds": 90.0, "peak_bytes": 2**30}
    result = {
        "images": 200,
        "edgekit": cost,
        "peer": {"seconds": 60.2, "peak_bytes": 2**31},
        "times_as_long": 1.5,
        "rounds": [{"edgekit": {**cost, "passes": {"calibrate": 40.4, "gradients": 49.6}}}],
    }

    (told,) = render_calibration.cost(result)

    assert "90 s and 1.00 GiB (calibrate 40 s, gradients 50 s)" in told
    assert "60 s and 2.00 GiB: 1.50 times" in told


def test_nothing_measured_is_nothing_rendered():
    parts = (render_calibration.sizes, render_calibration.duplicates, render_calibration.cost)

    assert [part({}) for part in parts] == [[""]] * 3
    assert committed("never measured") == {}
    assert {"calibration sizes", "near-duplicates"} <= set(render.PARTS)


def test_the_committed_pairs_are_all_different_pictures_but_one():
    sets = committed("near_duplicates")["sets"]

    alike = {name: part["alike"] for name, part in sets.items() if part["alike"]}
    assert alike == {"blood cells": ["BloodImage_00037.jpg and BloodImage_00038.jpg"]}
