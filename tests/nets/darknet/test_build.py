import json
import struct
from pathlib import Path

import numpy as np
import pytest
import torch

from edgekit.backends.onnxruntime import OnnxRuntime
from edgekit.errors import ModelError
from edgekit.export.torch_onnx import ExportOptions, export_detector
from edgekit.graphs import graph_to_bytes
from edgekit.heads.find import find_head
from edgekit.load.darknet import read_darknet
from edgekit.load.onnx_file import load_onnx
from edgekit.nets.darknet.build import build_darknet
from edgekit.reparam.probes import probe_inputs
from edgekit.reparam.reparameterize import reparameterize
from tests.nets.darknet.cfgs import PUBLISHED, Cfg, yolov4_tiny
from tests.nets.darknet.opencv import image, rows_beside
from tests.published import work

SIDE, SMALL = 96, 1 / 16
ORACLE = json.loads((Path(__file__).parent / "opencv.json").read_text(encoding="utf-8"))
# Numbers behind the header of 20 bytes in the published files yolov3.weights (248,007,048 bytes)
# and so on; parameters and operations as the README of AlexeyAB/darknet and Darknet itself print.
NUMBERS = {
    "yolov3": 62_001_757,
    "yolov3-spp": 63_052_381,
    "yolov3-tiny": 8_858_734,
    "yolov4": 64_429_405,
    "yolov4-tiny": 6_062_814,
}
SCALES = {"yolov4": [1.2, 1.1, 1.05], "yolov4-tiny": [1.05, 1.05]}
RUNTIME = OnnxRuntime(threads=1, optimize=False)
OPERATIONS = {"yolov3": 65.86, "yolov3-tiny": 5.56, "yolov4": 60.1, "yolov4-tiny": 6.9}


def whole(name):
    """The published network with nothing but zeros in it."""
    return build_darknet(PUBLISHED[name](416).read(np.zeros(NUMBERS[name], np.float32)))


@pytest.mark.parametrize("name", PUBLISHED)
def test_predictions_are_those_of_opencv(name):
    module = build_darknet(PUBLISHED[name](SIDE, SMALL).read()).module

    found, expected = rows_beside(ORACLE[name], module, SIDE)

    scores = np.where(expected[:, 5:] == 0, 0, found[:, 4:5] * found[:, 5:])
    fractions = np.concatenate([found[:, :4] / SIDE, found[:, 4:5], scores], 1)
    np.testing.assert_allclose(fractions, expected, rtol=5e-5, atol=1e-6)


@torch.inference_mode()
def test_what_is_read_from_files_is_built(tmp_path):
    cfg = yolov4_tiny(SIDE, SMALL)
    paths = tmp_path / "net.cfg", tmp_path / "net.weights"
    paths[0].write_text(cfg.text())
    paths[1].write_bytes(struct.pack("<3iq", 0, 2, 5, 1000) + cfg.numbers().tobytes())

    detector = build_darknet(read_darknet(*paths))

    x = torch.from_numpy(image(SIDE))
    assert torch.equal(detector.module(x), build_darknet(cfg.read()).module(x))


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_published_weights_file_has_a_number_for_every_place(name):
    state = whole(name).module.state_dict()

    counts = sum(value.numel() for key, value in state.items() if not key.endswith("tracked"))
    assert counts == NUMBERS[name]


@pytest.mark.parametrize("name", OPERATIONS)
def test_its_operations_are_the_published_ones(name):
    module = whole(name).module.to("meta")

    assert 2 * work(module, 416).macs / 1e9 == pytest.approx(OPERATIONS[name], rel=0.01)


def test_yolov3_has_the_published_parameters():
    found = sum(p.numel() for p in whole("yolov3").module.parameters())

    assert f"{found / 1e6:.1f}M" == "61.9M"


@pytest.mark.parametrize(
    ("name", "family", "strides"),
    [
        ("yolov3", "yolov3", (32, 16, 8)),
        ("yolov3-tiny", "yolov3", (32, 16)),
        ("yolov4", "yolov4", (8, 16, 32)),
        ("yolov4-tiny", "yolov4", (32, 16)),
    ],
)
def test_family_strides_and_size_are_told(name, family, strides):
    detector = build_darknet(PUBLISHED[name](SIDE, SMALL).read())

    assert (detector.family, detector.strides, detector.side) == (family, strides, SIDE)
    assert not detector.end_to_end
    assert not detector.module.training


def test_a_network_without_yolo_layers_is_no_detector():
    cfg = Cfg(SIDE, SMALL)
    cfg.conv(32, 3)

    with pytest.raises(ModelError, match=r"a \[yolo\] layer"):
        build_darknet(cfg.read())


@pytest.mark.parametrize("more", [-1, 1])
def test_weights_of_another_network_are_refused(more):
    cfg = yolov4_tiny(SIDE, SMALL)
    numbers = np.resize(cfg.numbers(), cfg.numbers().size + more)

    with pytest.raises(ModelError, match="Take the weights that belong"):
        build_darknet(cfg.read(numbers))


def test_maps_of_different_size_are_refused_when_they_meet():
    cfg = Cfg(SIDE, SMALL)
    cfg.conv(32, 3)
    cfg.conv(32, 3, 2)
    cfg.shortcut(-2)
    cfg.yolo((0,), (10, 10))

    with pytest.raises(ModelError, match="layers that fit together"):
        build_darknet(cfg.read())


@pytest.mark.slow
@pytest.mark.parametrize("name", ["yolov4", "yolov4-tiny"])
def test_the_deployed_graph_computes_the_same_and_its_head_is_found(name, tmp_path):
    detector = build_darknet(PUBLISHED[name](SIDE, SMALL).read())
    path = tmp_path / "network.onnx"
    path.write_bytes(graph_to_bytes(export_detector(detector, ExportOptions((SIDE, SIDE)))))
    graph = load_onnx(path, RUNTIME).graph

    done = reparameterize(graph, RUNTIME, probe_inputs(graph))

    with RUNTIME.open(graph_to_bytes(done.graph)) as session:
        (found,) = session.run({graph.model.graph.inputs[0].name: image(SIDE)}).values()
    with torch.inference_mode():
        expected = detector.module(torch.from_numpy(image(SIDE))).numpy()
    assert np.abs(found - expected).max() <= 1e-4 * np.abs(expected).max()
    assert done.refused == ()
    assert "BatchNormalization" not in {node.op_type for node in done.graph.model.graph}
    head = find_head(done.graph, RUNTIME).cut.spec
    assert (head.kind, head.size) == ("anchors", "exp")
    scales = [part.xy_scale or head.xy_scale for part in head.parts[::3]]
    assert scales == pytest.approx(SCALES[name], abs=2e-3)
