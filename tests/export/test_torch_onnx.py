import json
import subprocess
import sys
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from edgekit import optional
from edgekit.backends.onnxruntime import OnnxRuntime
from edgekit.errors import MissingExtraError, ModelError, StageError
from edgekit.export.torch_onnx import FAMILY, INPUT, NOTES, ExportOptions, export_detector
from edgekit.graphs import graph_to_bytes, graph_to_proto
from edgekit.load.metadata import read_metadata
from tests.export.torch_detectors import SMALL, detector


@pytest.fixture
def exported(exports):
    return exports["yolov8"][1]


def test_the_graph_takes_one_image_of_the_size_asked_for(exported):
    network = exported.model.graph

    (images,), (predictions,) = network.inputs, network.outputs
    assert (images.name, tuple(images.shape)) == (INPUT, (1, 3, 64, 96))
    assert (predictions.name, tuple(predictions.shape)) == ("output0", (1, 7, 120))
    assert exported.model.opset_imports == {"": 18}


def test_every_batch_norm_is_left_for_the_folds(exported):
    module = detector().module

    counted = Counter(node.op_type for node in exported.model.graph)
    layers = Counter(type(part).__name__ for part in module.modules())
    assert counted["BatchNormalization"] == layers["BatchNorm2d"] > 0
    assert counted["Conv"] == layers["Conv2d"]


def test_nothing_is_left_that_works_out_constants(exported):
    kinds = {node.op_type for node in exported.model.graph}

    assert kinds.isdisjoint({"Shape", "CastLike", "Range", "SplitToSequence", "SequenceAt"})


def test_the_metadata_is_what_loading_reads_of_any_exporter(exported):
    found = read_metadata(graph_to_proto(exported))

    assert found.class_names == ("cat", "dog", "owl")
    assert (found.size_hw, found.task) == ((64, 96), "detect")
    expected = {"stride": "16", "end2end": "False", FAMILY: "yolov8", "mine": "1"}
    assert found.properties.items() >= expected.items()
    assert json.loads(found.properties[NOTES]) == [
        f"Exported to ONNX by torch {torch.__version__}."
    ]


def test_a_node_is_called_as_its_module(exported):
    nodes = {node.name: node.op_type for node in exported.model.graph}

    assert nodes["model.0.conv/Conv"] == "Conv"
    assert nodes["model.2.m.0.cv1.bn/BatchNormalization"] == "BatchNormalization"


def test_nothing_of_this_computer_is_in_the_file(exported):
    data = graph_to_bytes(exported)

    assert b"site-packages" not in data
    assert b".py" not in data


def test_another_process_writes_the_same_bytes(exported):
    code = (
        "from tests.export.torch_detectors import SMALL, detector\n"
        "from edgekit.export.torch_onnx import export_detector\n"
        "print(export_detector(detector(), SMALL).sha256)"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)

    assert done.stdout.split() == [exported.sha256]


def test_a_batch_of_any_size_is_as_its_images_one_by_one():
    graph = export_detector(detector("yolov10"), ExportOptions((64, 64), dynamic_batch=True))
    images = np.random.default_rng(0).random((3, 3, 64, 64), np.float32)

    with OnnxRuntime(threads=1).open(graph_to_bytes(graph)) as session:
        (together,) = session.run({INPUT: images}).values()
        alone = [next(iter(session.run({INPUT: images[i : i + 1]}).values())) for i in range(3)]

    np.testing.assert_allclose(together, np.concatenate(alone), rtol=1e-4, atol=1e-4)


class Unexportable(nn.Module):
    def forward(self, image):
        raise RuntimeError("There is no such thing")


def test_what_the_exporter_cannot_do_is_a_failed_stage():
    with pytest.raises(StageError, match=r"cannot export this yolov8 to ONNX: .*own package"):
        export_detector(replace(detector(), module=Unexportable().eval()), SMALL)


class Refusing(nn.Module):
    def forward(self, image):
        raise ModelError("It takes images of 448 x 448 alone.")


def test_what_a_module_refuses_is_told_in_its_own_words():
    with pytest.raises(ModelError, match=r"^It takes images of 448 x 448 alone\.$"):
        export_detector(replace(detector(), module=Refusing().eval()), SMALL)


def test_a_missing_exporter_names_the_extra(monkeypatch):
    known = optional.importlib.import_module

    def without(name):
        if name.startswith("onnxscript"):
            raise ModuleNotFoundError(name=name.partition(".")[0])
        return known(name)

    monkeypatch.setattr(optional.importlib, "import_module", without)

    with pytest.raises(MissingExtraError, match=r"pip install 'edgekit\[torch\]'"):
        export_detector(detector(), SMALL)
