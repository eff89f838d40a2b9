import sys
from dataclasses import asdict
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

import render_roofline
from committed import committed

from edgekit.estimate.constants import CONSTANTS

MEASURED = committed("roofline")
SHARED = ("efficiency", "memory", "cycles", "seconds", "moves", "pairs", "checked", "error")
ROW = {
    "device": "jetson-nano",
    "family": "tensorrt-gpu",
    "precision": "fp16",
    "model": "yolov8n",
    "published_ms": 52.6,
    "estimated_ms": 50.0,
    "role": "held out",
    "source": "A page",
    "url": None,
    "error": 0.05,
}


@pytest.mark.parametrize("family", CONSTANTS)
def test_the_constants_are_those_that_were_fitted(family):
    used, found = asdict(CONSTANTS[family]), MEASURED["families"][family]

    assert {key: used[key] for key in SHARED} == {key: found[key] for key in SHARED}
    for key in ("fitted_on", "checked_on", "spread"):
        assert list(used[key]) == found[key]
    assert {key: list(ends) for key, ends in used["peaks"].items()} == found["peaks"]


def test_no_device_decides_constants_and_checks_them():
    both = [set(part["fitted_on"]) & set(part["checked_on"]) for part in map(asdict_of, CONSTANTS)]

    # ONNX Runtime on Arm has one device, of which a source is held out.
    assert [devices for devices in both if devices] == [{"raspberry-pi-5"}]


def asdict_of(family):
    return asdict(CONSTANTS[family])


def test_times_that_decided_nothing_are_estimated_within_35_percent():
    held = MEASURED["held_out"]

    assert held["median_error"] <= 0.35
    assert held["pairs"] == sum(row["role"] == "held out" for row in MEASURED["pairs"]) >= 100
    assert MEASURED["left_out"]["median_error"] <= 0.35


def test_the_networks_do_the_work_their_publishers_print():
    counts = [(n["gmacs"], n["published_gmacs"]) for n in MEASURED["networks"].values()]

    assert all(ours == pytest.approx(theirs, rel=0.04) for ours, theirs in counts if theirs)
    assert len(counts) > 30


def test_every_time_has_its_estimate_and_its_difference():
    lines = render_roofline.pairs({"pairs": [ROW, {**ROW, "model": "yolov8s"}]})

    assert lines[-2].count("**held out**") == 1
    assert "yolov8n 52.6 → 50 (-5%); yolov8s" in lines[-2]
    shown = "\n".join(render_roofline.pairs(MEASURED))
    assert shown.count("→") == len(MEASURED["pairs"]) + 1


def test_a_page_without_results_says_nothing():
    assert render_roofline.errors({}) == []
    assert len(render_roofline.families({})) == 4
