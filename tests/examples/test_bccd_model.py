from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from edgekit.images.classes import match_classes
from edgekit.measure.accuracy import detect_all, score
from edgekit.nets.networks.repvgg_detector import RepVggDetector
from edgekit.pipeline.opened import open_detector
from edgekit.pipeline.options import ModelOptions
from examples.bccd.cells import CLASSES, SIDE, report_set
from examples.bccd.export import export_weights
from examples.bccd.train import OPTIONS

MODEL = Path(__file__).resolve().parents[2] / "examples" / "bccd" / "bccd.onnx"


def test_the_file_is_small_and_has_every_branch_of_training_in_it():
    ops = [node.op_type for node in onnx.load(MODEL).graph.node]

    modules = list(RepVggDetector(OPTIONS).modules())
    assert MODEL.stat().st_size < 8_000_000
    assert ops.count("BatchNormalization") == sum(
        isinstance(module, torch.nn.BatchNorm2d) for module in modules
    )


def test_the_file_is_opened_as_what_it_is_without_being_told():
    opened = open_detector(MODEL, ModelOptions(), "bccd")

    assert opened.class_names == CLASSES
    assert opened.candidate.preprocess.size_hw == (SIDE, SIDE)
    assert opened.candidate.head.classes == len(CLASSES)


def test_weights_of_an_epoch_are_written_with_the_names_of_the_classes(tmp_path):
    torch.manual_seed(0)
    weights = RepVggDetector(OPTIONS).state_dict()
    torch.save(weights, tmp_path / "epoch-01.pt")

    export_weights(tmp_path / "epoch-01.pt", tmp_path / "out.onnx")

    stored = {
        i.name: onnx.numpy_helper.to_array(i)
        for i in onnx.load(tmp_path / "out.onnx").graph.initializer
    }
    np.testing.assert_array_equal(stored["stem.dense.0.weight"], weights["stem.dense.0.weight"])
    assert open_detector(tmp_path / "out.onnx", ModelOptions(), "x").class_names == CLASSES


@pytest.mark.data
def test_it_finds_blood_cells_it_was_not_trained_on(data_dir):
    dataset = report_set(data_dir / "bccd" / "BCCD")
    opened = open_detector(MODEL, ModelOptions(), "bccd")
    ids = match_classes(opened.class_names, dataset.categories, len(CLASSES))

    found = score(detect_all(opened.candidate, dataset), dataset, ids)

    assert found.images == 159
    assert found.map50 > 0.85
    assert min(found.per_class.values()) > 0.3
