from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from edgekit.backends.onnxruntime import OnnxRuntime
from edgekit.errors import ParityError
from edgekit.export.torch_onnx import export_detector
from edgekit.export.torch_parity import SCORE, prove_export
from edgekit.graphs import graph_to_bytes
from tests.export.torch_detectors import FAMILIES, SMALL, detector
from tests.networks import network

RUNTIME = OnnxRuntime(threads=1, optimize=False)


@pytest.fixture(scope="module")
def images():
    rng = np.random.default_rng(4)
    return [rng.random((1, 3, 64, 96), np.float32) for _ in range(2)]


class Changed(nn.Module):
    """A detector whose predictions are changed afterwards."""

    def __init__(self, module, change):
        super().__init__()
        self.module, self.change = module, change

    def forward(self, x):
        return self.change(self.module(x).clone())


def changed(found, change):
    return replace(found, module=Changed(found.module, change).eval())


@pytest.mark.parametrize("family", FAMILIES)
def test_an_export_computes_what_its_module_computes(family, exports, images):
    parity = prove_export(*exports[family], RUNTIME, images)

    assert parity.max_rel < 1e-4
    assert parity.runs == 2


@pytest.mark.parametrize("family", FAMILIES)
def test_other_weights_in_the_head_are_found(family, exports, images):
    other = detector(family)
    for parameter in other.module.model[-1].parameters():
        parameter.mul_(1.1)

    with pytest.raises(ParityError, match="does not compute what the checkpoint's modules"):
        prove_export(other, exports[family][1], RUNTIME, images)


def test_a_graph_keeps_its_weights_when_the_module_learns(exports, images):
    found, graph = exports["yolov8"]
    before = graph_to_bytes(graph)
    found.module.model[0].conv.weight += 1
    after = graph_to_bytes(graph)
    found.module.model[0].conv.weight -= 1

    assert before == after


def swap_two(detections):
    detections[:, [4, 5]] = detections[:, [5, 4]]
    return detections


def lower_one(detections):
    detections[:, 3, SCORE] *= 0.9
    return detections


def rename_one(detections):
    detections[:, 3, SCORE + 1] += 1
    return detections


def test_detections_may_change_places(exports, images):
    found, graph = exports["yolov10"]

    assert prove_export(changed(found, swap_two), graph, RUNTIME, images).max_rel < 1e-4


@pytest.mark.parametrize("change", [lower_one, rename_one])
def test_another_score_or_class_is_found(change, exports, images):
    found, graph = exports["yolov10"]

    with pytest.raises(ParityError, match="a relative difference of at most"):
        prove_export(changed(found, change), graph, RUNTIME, images)


def test_another_number_of_predictions_is_found(exports, images):
    found, graph = exports["yolov8"]

    with pytest.raises(ParityError, match=r"shape \(1, 7, 119\), found \(1, 7, 120\)"):
        prove_export(changed(found, lambda p: p[..., 1:]), graph, RUNTIME, images)


class Always:
    """A runtime that gives the same predictions for any image."""

    def __init__(self, predictions):
        self.predictions = predictions

    def open(self, model):
        return nullcontext(self)

    def run(self, feeds):
        return {"output0": self.predictions}


def test_detections_that_are_all_alike_prove_nothing(exports, images):
    found, graph = exports["yolov10"]
    alike = np.ones((1, 120, 6), np.float32)

    with pytest.raises(ParityError, match="proves nothing"):
        prove_export(changed(found, torch.ones_like), graph, Always(alike), images)


class Waves(nn.Module):
    """What makes of the last digit of an image the second of its output."""

    def forward(self, image):
        return torch.sin(image * 170.3 * 210.7)


@pytest.mark.parametrize(("by", "is_equal"), [(1, True), (1.0001, False)])
def test_a_difference_is_held_against_what_rounding_does_to_the_module(by, is_equal, images):
    found = replace(detector(), module=Waves())
    graph = network(
        "g (float[1,3,64,96] images) => (float[1,3,64,96] y) { a = Mul(images, k) y = Sin(a) }",
        k=np.float32([by * np.float64(170.3) * 210.7]),
    )

    with nullcontext() if is_equal else pytest.raises(ParityError, match="or four times the 0"):
        parity = prove_export(found, graph, RUNTIME, images)

        assert 1e-3 < parity.max_rel <= 4 * parity.noise


class Bent(nn.Module):
    """A detector that is not made for the activation it has."""

    def __init__(self, module, slopes):
        super().__init__()
        self.module, self.bent = module, nn.PReLU(slopes)
        nn.init.uniform_(self.bent.weight, -0.3, 0.9)

    def forward(self, image):
        return self.module(self.bent(image - 0.5))


@pytest.mark.parametrize("slopes", [1, 3])
def test_learned_slopes_are_exported_as_they_are(slopes, images):
    found = detector()
    bent = replace(found, module=Bent(found.module, slopes).eval().requires_grad_(False))

    parity = prove_export(bent, export_detector(bent, SMALL), RUNTIME, images)

    assert parity.max_rel < 1e-4
