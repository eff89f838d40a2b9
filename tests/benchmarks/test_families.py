import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from edgekit.nets.architectures.registry import ARCHITECTURES
from tests.nets.darknet.cfgs import PUBLISHED
from tests.nets.darknet.older_cfgs import OLDER
from tests.networks import network

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

import families
from committed import committed

ONE_OF_EACH = (
    "yolov1-tiny",
    "yolov2-tiny",
    "yolov3-tiny",
    "yolov4-tiny",
    "yolov5n",
    "yolov6n",
    "yolov6n-fuse-ab",
    "yolov7-tiny",
    "yolov7-tiny-training",
    "yolov8n",
    "yolov9-t",
    "yolov9t",
    "yolov10n",
    "yolo11n",
    "yolox-nano",
    "nanodet-plus-m",
    "repvgg-a0",
    "mobileone-s0",
)
EVERY_TIME = {"yolov6n", "yolov10n", "yolox-nano"}


def sometimes(name):
    """``name``, kept for the nightly run unless it is among ``EVERY_TIME``."""
    return name if name in EVERY_TIME else pytest.param(name, marks=pytest.mark.nightly)


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.slow
@pytest.mark.parametrize("name", [sometimes(name) for name in ONE_OF_EACH])
def test_a_whole_network_computes_the_same_when_folded(name):
    found = families.measured(name, families.NETWORKS[name].small_side)

    assert 0 < found["float32"] <= 1e-4
    assert 0 < found["float64"] <= 1e-9
    assert (found["batchnorms_left"], found["refused"]) == (0, [])


def test_one_network_of_each_family_is_tested():
    tested = {families.NETWORKS[name].family for name in ONE_OF_EACH}

    assert set(ONE_OF_EACH) > EVERY_TIME
    assert tested == {network.family for network in families.NETWORKS.values()}


def test_networks_known_by_name_stand_beside_those_of_darknet():
    assert set(families.NETWORKS) > set(ARCHITECTURES)
    assert set(families.NETWORKS) - set(ARCHITECTURES) == {*OLDER, *PUBLISHED} - {"yolov1"}


def test_numbers_of_statistics_are_in_the_file_and_not_learned():
    module = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 1, bias=False), torch.nn.BatchNorm2d(4))

    assert families.learned(module, families.AS_TRAINED) == 12 + 2 * 4
    assert families.learned(module, families.IN_THE_FILE) == 12 + 4 * 4


def test_a_difference_that_is_no_number_is_not_lost():
    outputs = "(float[1,3,8,8] y, float[1,3,8,8] z)"
    text = f"g (float[1,3,8,8] x) => {outputs} {{ y = Relu(x) n = Neg(x) z = Sqrt(n) }}"
    graph = network(text)

    assert np.isnan(families.difference(graph, graph, families.proof_backend()))


def test_what_is_committed_is_of_the_networks_there_are():
    stated = {name: families.facts(network) for name, network in families.NETWORKS.items()}
    found_by_name = committed("families")

    assert list(found_by_name) == list(stated)
    for name, found in found_by_name.items():
        assert {key: found[key] for key in stated[name]} == stated[name]
        assert found["side"] == families.NETWORKS[name].side


def test_files_of_authors_were_measured_as_checkpoints():
    path = families.HERE / "results" / "checkpoints.json"

    assert set(families.CHECKED_WITH.values()) < set(json.loads(path.read_text(encoding="utf-8")))
