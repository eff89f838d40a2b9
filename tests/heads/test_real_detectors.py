"""The head of real detectors: float nodes against names read off the files, cut against graph."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from edgekit.graphs import graph_to_bytes, subgraph
from edgekit.heads.conventions import conventions
from edgekit.heads.decode import decode, suppress
from edgekit.heads.find import find_head
from edgekit.images.letterbox import letterbox, to_input
from edgekit.load.onnx_file import load_onnx

pytestmark = pytest.mark.data


def numbered(prefix, kind, *numbers):
    return {f"{prefix}{kind}_{n}" if n else f"{prefix}{kind}" for n in numbers}


def yolov8_names():
    at, dfl = "/model.22/", "/model.22/dfl/"
    return (
        numbered(at, "Reshape", *range(6))
        | numbered(at, "Concat", *range(4))
        | numbered(at, "Mul", 0, 1, 2)
        | numbered(at, "Add", 0, 1, 2)
        | {at + n for n in ("Shape", "Gather", "Slice", "Slice_1", "Sub", "Sub_1", "Div", "Div_1")}
        | {at + "Sigmoid"}
        | {dfl + n for n in ("Reshape", "Transpose", "Softmax", "conv/Conv", "Reshape_1")}
    )


def yolov5_names():
    at = "/model.24/"
    per_level = (numbered(at, kind, 0, 1, 2) for kind in ("Transpose", "Sigmoid", "Split", "Add"))
    return set().union(
        *per_level,
        numbered(at, "Pow", 0, 1, 2),
        numbered(at, "Reshape", *range(6)),
        numbered(at, "Mul", *range(12)),
        numbered(at, "Concat", *range(4)),
    )


def yolox_names():
    return (
        numbered("", "Sigmoid", 329, 330, 362, 363, 395, 396)
        | numbered("", "Concat", 331, 364, 397, 422)
        | numbered("", "Reshape", 405, 413, 421)
        | {"Transpose_423"}
    )


def picodet_names():
    return (
        numbered("", "Split", 10, 11, 12, 13)
        | {f"Sigmoid_{n}" for n in range(4)}
        | numbered("", "Reshape", 47, 48, 50, 51, 53, 54, 56, 57)
        | numbered("", "Transpose", *range(10, 18))
    )


# file: its float nodes, kind of its outputs, kind of the cut, first family
DETECTORS = {
    "yolov8n": (yolov8_names(), "decoded", "distances", "yolov8"),
    "yolov5n": (yolov5_names(), "decoded", "anchors", "yolov5"),
    "yolox_nano_kazuhito": (yolox_names(), "grid", "grid", "yolox"),
    "picodet_s_320_coco": (picodet_names(), "distances", "distances", "picodet"),
}


@pytest.fixture(scope="module")
def load(data_dir, backend):
    cache = {}

    def found(name):
        if name not in cache:
            source = load_onnx(data_dir / "models" / f"{name}.onnx", backend)
            cache[name] = (source, find_head(source.graph, backend))
        return cache[name]

    return found


def photograph(data_dir):
    path = min((data_dir / "coco-val-mini" / "images").glob("*.jpg"))
    return cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)


def outputs_on_photograph(graph, names, preprocess, backend, data_dir):
    pixels = letterbox(photograph(data_dir), preprocess).pixels
    image = graph.model.graph.inputs[0].name
    part = subgraph(graph, [image], list(dict.fromkeys(names)))
    with backend.open(graph_to_bytes(part)) as session:
        return session.run({image: to_input(pixels, preprocess)})


@pytest.mark.parametrize("name", DETECTORS)
def test_the_decode_of_a_real_detector_is_what_its_file_calls_so(name, load):
    names, own, cut, _ = DETECTORS[name]

    _, head = load(name)

    assert head.float_nodes == names
    assert (head.spec.kind, head.cut.spec.kind, head.spec.classes) == (own, cut, 80)
    assert head.warnings == ()


@pytest.mark.parametrize("name", [*DETECTORS, "yolov10s_e2e_unfused"])
def test_decoding_the_cut_of_a_real_detector_gives_its_own_detections(
    name, load, backend, data_dir
):
    source, head = load(name)
    convention = conventions(head, source.graph)[0]
    own = [v.name for v in source.graph.model.graph.outputs]
    names = [*own, *head.cut.outputs]
    outputs = outputs_on_photograph(source.graph, names, convention.preprocess, backend, data_dir)

    theirs, ours = (
        suppress(decode(outputs, spec, 0.1), convention.nms) for spec in (head.spec, head.cut.spec)
    )

    assert len(theirs) > 3
    np.testing.assert_allclose(ours.scores, theirs.scores, atol=1e-5)
    np.testing.assert_allclose(ours.xyxy, theirs.xyxy, atol=0.05)
    np.testing.assert_array_equal(ours.classes, theirs.classes)


def test_the_top_k_of_an_end_to_end_detector_is_float(load):
    source, head = load("yolov10s_e2e_unfused")
    block = {n.name for n in source.graph.model.graph if n.name.startswith("/model.23/")}
    learned = {n for n in block if "/one2one_cv2." in n or "/one2one_cv3." in n}

    assert head.float_nodes == block - learned
    assert (head.spec.kind, head.cut.spec.kind, head.nms_free) == ("detections", "distances", True)
    assert conventions(head, source.graph)[0].nms.iou == 1


def test_the_broken_export_is_reported(load):
    _, head = load("yolov5n_stalegrid")

    assert head.cut.spec.parts[0].anchor_wh == (0, 0)
    assert [w for w in head.warnings if "stride 8" in w and "no size" in w]


@pytest.mark.parametrize("name", DETECTORS)
def test_the_first_family_of_a_real_detector_is_its_own(name, load):
    source, head = load(name)

    found = conventions(head, source.graph)

    assert found[0].family == DETECTORS[name][3]
    assert found[0].preprocess.size_hw == source.size_hw
