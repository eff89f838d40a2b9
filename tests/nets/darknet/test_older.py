import json
from pathlib import Path

import numpy as np
import pytest
import torch

from edgekit.backends.onnxruntime import OnnxRuntime
from edgekit.errors import ModelError
from edgekit.export.torch_onnx import ExportOptions, export_detector
from edgekit.graphs import graph_to_bytes
from edgekit.heads.conventions import conventions
from edgekit.heads.find import find_head
from edgekit.load.onnx_file import load_onnx
from edgekit.nets.darknet.build import build_darknet
from edgekit.reparam.probes import probe_inputs
from edgekit.reparam.reparameterize import reparameterize
from tests.nets.darknet.older_cfgs import ANCHORS, OLDER, OlderCfg, yolov1_tiny, yolov2_tiny
from tests.nets.darknet.opencv import image, rows_beside
from tests.published import work

SIDE, SMALL = 96, 1 / 16
ORACLE = json.loads((Path(__file__).parent / "older_opencv.json").read_text())
RUNTIME = OnnxRuntime(threads=1, optimize=False)
# Numbers behind the header of the published files yolov2.weights (203,934,260 bytes),
# yolov2-tiny.weights (44,948,600) and yolov1.weights (789,312,988); operations as Darknet's page
# prints them.
NUMBERS = {"yolov2": 50_983_561, "yolov2-tiny": 11_237_145, "yolov1": 197_328_243}
OPERATIONS = {"yolov2": 62.94, "yolov2-tiny": 5.41}


def sized(name):
    """The side of a small image: the first YOLO takes two cells each way."""
    return 128 if name.startswith("yolov1") else SIDE


@pytest.mark.parametrize("name", ["yolov2", "yolov2-tiny"])
def test_predictions_are_those_of_opencv(name):
    module = build_darknet(OLDER[name](SIDE, SMALL).read()).module

    found, expected = rows_beside(ORACLE[name], module, SIDE)

    scores = np.where(expected[:, 4:] == 0, 0, found[:, 4:])
    fractions = np.concatenate([found[:, :4] / SIDE, scores], 1)
    np.testing.assert_allclose(fractions, expected, rtol=5e-5, atol=1e-6)


@pytest.mark.parametrize("transposed", [False, True])
@torch.inference_mode()
def test_the_first_yolo_computes_what_its_numbers_say(transposed):
    cfg = OlderCfg(2, 1 / 64)
    cfg.add("crop", crop_width=2, crop_height=2)
    cfg.local(256)
    cfg.add("dropout", probability=0.5)
    cfg.detection(2, 2)
    numbers, picture = cfg.numbers(), image(2)

    # Four filters in four places; then 2 x 2 cells of two boxes and three classes.
    bias, kernel, last_bias, matrix = np.split(numbers, np.cumsum([16, 4 * 4 * 27, 52]))
    padded = np.pad(2 * picture[0] - 1, ((0, 0), (1, 1), (1, 1)))
    hidden = np.zeros((4, 2, 2))
    for at, (y, x) in enumerate(np.ndindex(2, 2)):
        seen = padded[:, y : y + 3, x : x + 3].ravel()
        hidden[:, y, x] = kernel.reshape(4, 4, 27)[at] @ seen + bias.reshape(4, 4)[:, at]
    hidden = np.maximum(hidden, 0.1 * hidden)
    vector = matrix.reshape(52, 16) @ hidden.ravel() + last_bias
    expected = []
    for cell, box in np.ndindex(4, 2):
        x, y, w, h = vector[20 + 4 * (2 * cell + box) :][:4]
        centre = [(x + cell % 2) / 2, (y + cell // 2) / 2]
        expected.append(
            [*centre, w * w, h * h, *(vector[12 + 2 * cell + box] * vector[3 * cell :][:3])]
        )

    if transposed:
        turned = [bias, kernel, last_bias, matrix.reshape(52, 16).T.ravel()]
        numbers = np.concatenate(turned)
    model = cfg.read(numbers, transposed=transposed)
    found = build_darknet(model).module(torch.from_numpy(picture))[0].numpy()
    np.testing.assert_allclose(found, np.array(expected), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["yolov2", "yolov2-tiny"])
def test_the_published_weights_file_has_a_number_for_every_place(name):
    numbers = np.zeros(NUMBERS[name], np.float32)
    module = build_darknet(OLDER[name]().read(numbers)).module

    state = module.state_dict()
    counts = sum(value.numel() for key, value in state.items() if not key.endswith("tracked"))
    assert counts == NUMBERS[name]
    side = 608 if name == "yolov2" else 416
    macs = work(module.to("meta"), side).macs
    assert 2 * macs / 1e9 == pytest.approx(OPERATIONS[name], rel=0.01)


def test_yolov1_takes_the_numbers_of_its_published_file():
    assert OLDER["yolov1"]().count() == NUMBERS["yolov1"]


@pytest.mark.parametrize("name", OLDER)
def test_family_strides_and_size_are_told(name):
    detector = build_darknet(OLDER[name](sized(name), SMALL).read())

    assert (detector.family, detector.side) == (name.removesuffix("-tiny"), sized(name))
    assert detector.strides == ((64,) if name.startswith("yolov1") else (32,))
    assert not detector.module.training


@pytest.mark.slow
@pytest.mark.parametrize("name", [*OLDER, "yolov2-tiny without softmax", "yolov2-tiny, one class"])
def test_the_deployed_graph_computes_the_same_and_its_head_is_found(name, tmp_path):
    family = name.partition(" ")[0].removesuffix(",")
    side = sized(family)
    cfg = OLDER[family](side, SMALL)
    if "without" in name:
        cfg = yolov2_tiny(side, SMALL, softmax=0)
    if "one class" in name:
        cfg.sections[-1][1]["classes"] = "1"
        cfg.sections[-2][1]["filters"] = "30"
    detector = build_darknet(cfg.read())
    path = tmp_path / "network.onnx"
    path.write_bytes(graph_to_bytes(export_detector(detector, ExportOptions((side, side)))))
    graph = load_onnx(path, RUNTIME).graph

    done = reparameterize(graph, RUNTIME, probe_inputs(graph))

    with RUNTIME.open(graph_to_bytes(done.graph)) as session:
        (found,) = session.run({graph.model.graph.inputs[0].name: image(side)}).values()
    with torch.inference_mode():
        expected = detector.module(torch.from_numpy(image(side))).numpy()
    assert np.abs(found - expected).max() <= 1e-4 * np.abs(expected).max()
    assert done.refused == ()
    assert "BatchNormalization" not in {node.op_type for node in done.graph.model.graph}
    head = find_head(done.graph, RUNTIME)
    assert (head.spec.kind, head.spec.box_format) == ("decoded", "cxcywh")
    assert head.spec.classes == (1 if "one class" in name else 3)
    assert head.spec.normalised == (detector.family == "yolov1")
    assert (head.cut is not None) == ("without" in name)
    chosen = conventions(head, done.graph, detector.family)
    assert [one.family for one in chosen] == [detector.family]


def broken(kind, **options):
    cfg = yolov1_tiny(128, SMALL) if kind in {"detection", "connected"} else None
    cfg = cfg or yolov2_tiny(SIDE, SMALL)
    if kind in {"reorg", "local", "crop"}:
        cfg.sections.insert(2, (kind, {name: str(value) for name, value in options.items()}))
    else:
        of = next(options_ for kind_, options_ in cfg.sections if kind_ == kind)
        of.update({name: str(value) for name, value in options.items()})
    return cfg.read(np.zeros(10**6, np.float32))


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        ("reorg", {"stride": 2, "reverse": 1}, "no 'reverse'"),
        ("reorg", {"stride": 3}, "channels that 9 divides"),
        ("crop", {"crop_height": 96, "crop_width": 96}, "the first layer"),
        ("connected", {"batch_normalize": 1}, "no 'batch_normalize'"),
        ("local", {"size": 5, "pad": 1}, "'pad' of 0, or of half"),
        ("local", {"size": 255}, "a kernel that fits"),
        ("region", {"tree": "9k.tree"}, "no 'tree'"),
        ("region", {"coords": 5}, "no 'tree' of classes, 4 coordinates, found 5"),
        ("region", {"num": 6}, "12 anchors"),
        ("region", {"classes": 9}, "channels to read"),
        ("detection", {"softmax": 1}, "no 'softmax'"),
        ("detection", {"coords": 5}, "'coords' of 4"),
        ("detection", {"side": 3}, "a connected layer of"),
    ],
)
def test_what_is_not_computed_as_darknet_does_is_refused(kind, options, message):
    with pytest.raises(ModelError, match=message):
        build_darknet(broken(kind, **options))


def test_nothing_stands_behind_the_head():
    cfg = yolov2_tiny(SIDE, SMALL)
    cfg.conv(32)

    with pytest.raises(ModelError, match="nothing behind the head of yolov2"):
        build_darknet(cfg.read())


def test_anchors_are_in_cells():
    head = build_darknet(yolov2_tiny(SIDE, SMALL).read()).module.model[-1]

    assert head.level.anchors[0] == pytest.approx((32 * ANCHORS[0], 32 * ANCHORS[1]))
