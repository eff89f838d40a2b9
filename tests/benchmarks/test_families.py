import sys
from pathlib import Path

import pytest
import torch

from edgekit.nets.architectures.registry import ARCHITECTURES

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

import families
import render
import render_families

FIRST = {known.family: name for name, known in reversed(ARCHITECTURES.items())}
ONE_OF_EACH = (
    *(name for name in FIRST.values() if families.is_small(name)),
    "yolov6n-fuse-ab",
    "yolov7-tiny",
    "yolov7-tiny-training",
    "yolov9t",
)
EVERY_TIME = {"yolov6n", "yolov10n", "yolox-nano"}


def sometimes(name):
    """``name``, kept for the nightly run unless it is among ``EVERY_TIME``."""
    return name if name in EVERY_TIME else pytest.param(name, marks=pytest.mark.nightly)


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.slow
@pytest.mark.parametrize("name", [sometimes(name) for name in ONE_OF_EACH])
def test_a_whole_network_computes_the_same_when_folded(name):
    found = families.measured(name, 64)

    assert 0 < found["float32"] <= 1e-4
    assert 0 < found["float64"] <= 1e-9
    assert (found["batchnorms_left"], found["refused"]) == (0, [])


def test_one_network_of_each_family_is_tested():
    tested = {ARCHITECTURES[name].family for name in ONE_OF_EACH}

    assert set(ONE_OF_EACH) > EVERY_TIME
    assert tested == {known.family for known in ARCHITECTURES.values()}


def test_every_network_of_up_to_20_million_parameters_is_measured():
    assert families.is_small("yolov6s")
    assert families.is_small("yolov9-t")  # all digits are printed
    assert not families.is_small("yolov9-c")


def test_a_line_for_every_network_that_was_measured():
    network = {
        "published": {"parameters": "0.91M", "gmacs": None},
        "as_trained": True,
        "side": 416,
        "parameters": 912159,
        "gmacs": 0.5234,
        "convolutions": [113, 110],
        "batchnorms_left": 0,
        "refused": [],
        "float32": 2.6e-7,
        "float64": 4.99e-16,
    }

    lines = render_families.table({"yolox-nano": network})

    assert lines[3] == (
        "| yolox-nano, 416 | 912,159 (0.91M as trained) | 0.523 | 113 to 110 | 0 | 0 "
        "| 2.6e-07 | 5.0e-16 |"
    )
    assert render_families.table({}) == [""]
    assert "families" in render.PARTS
