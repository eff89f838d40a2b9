from __future__ import annotations

import numpy as np
import pytest

from edgekit.graphs import graph_from_proto
from edgekit.heads.conventions import conventions
from edgekit.heads.find import Head, HeadCut
from tests.heads import detectors as nets
from tests.heads.heads import anchors_head, decoded_head, detections_head, distances_head, grid_head
from tests.heads.net import Net

PLAIN = graph_from_proto(nets.yolov8()[1])


def head(spec, cut=None, **changes):
    return Head(spec, frozenset(), cut and HeadCut(("x",), cut), **changes)


def families(found):
    return [c.family for c in conventions(found, PLAIN)]


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (head(decoded_head(), distances_head(16)), ["yolov8"]),
        (head(detections_head(), distances_head(16), nms_free=True), ["yolov10"]),
        (head(decoded_head(), distances_head(17)), ["yolo-nas", "ppyoloe"]),
        (head(decoded_head(), distances_head(1)), ["yolov6"]),
        (head(decoded_head(), anchors_head()), ["yolov5"]),
        (head(decoded_head(), anchors_head(size="exp")), ["yolov3"]),
        (head(grid_head()), ["yolox"]),
        (head(distances_head(8)), ["picodet", "nanodet"]),
        (head(distances_head(8, center=0.0)), ["nanodet", "picodet"]),
        (head(decoded_head(background=0)), ["ssd-mobilenet", "ssd-vgg"]),
        (head(decoded_head(normalised=True), nms_free=True), ["rtdetr"]),
        (head(decoded_head()), ["yolov8", "rtdetr", "yolox"]),
    ],
)
def test_a_head_has_the_conventions_of_its_families(found, expected):
    assert families(found) == expected


@pytest.mark.parametrize(
    ("family", "found", "expected"),
    [
        ("yolov8", head(decoded_head(), distances_head(4)), ["yolov8"]),
        ("yolov6", head(decoded_head(), distances_head(17)), ["yolov6"]),
        ("yolov10", head(detections_head(), distances_head(16), nms_free=True), ["yolov10"]),
        ("yolov10", head(decoded_head(), distances_head(16)), ["yolov8"]),
        ("no such family", head(decoded_head(), distances_head(16)), ["yolov8"]),
    ],
)
def test_what_a_model_says_it_is_settles_its_conventions(family, found, expected):
    assert [c.family for c in conventions(found, PLAIN, family)] == expected


def test_yolox_takes_pixels_in_bgr_and_keeps_the_best_class_only():
    (convention,) = conventions(head(grid_head()), PLAIN)

    preprocess = convention.preprocess
    assert (preprocess.resize, preprocess.color) == ("letterbox-topleft", "bgr")
    assert (preprocess.mean, preprocess.std) == ((0, 0, 0), (1, 1, 1))
    assert (convention.nms.iou, convention.nms.multi_label) == (0.65, False)
    assert preprocess.size_hw == (32, 48)


def test_a_network_without_duplicates_is_not_suppressed():
    found = head(detections_head(), distances_head(16), nms_free=True)

    (convention,) = conventions(found, PLAIN)

    assert convention.nms.iou == 1


def normalised(*steps):
    net = Net()
    value = "image"
    for kind, constant in steps:
        value = net.op(kind, value, np.float32(constant).reshape(1, -1, 1, 1))
    return graph_from_proto(net.model(net.conv(value, 3, 8)))


@pytest.mark.parametrize(
    ("steps", "std"),
    [
        ([("Div", 255.0)], 1),
        ([("Mul", 1 / 255)], 1),
        ([("Sub", 127.5), ("Div", 127.5)], 1),
        ([("Sub", [123.7, 116.3, 103.5]), ("Div", [58.4, 57.1, 57.4])], 1),
        ([("Sub", [0.485, 0.456, 0.406]), ("Div", [0.229, 0.224, 0.225])], 255),
        ([("Mul", 1 / 255), ("Sub", [0.485, 0.456, 0.406]), ("Div", [0.229, 0.224, 0.225])], 1),
    ],
)
def test_normalisation_inside_the_network_is_not_done_twice(steps, std):
    (convention,) = conventions(head(grid_head()), normalised(*steps))

    assert convention.preprocess.mean == (0, 0, 0)
    assert convention.preprocess.std == (std, std, std)


def test_a_scale_inside_the_network_that_is_no_normalisation_of_the_input_is_left_alone():
    net = Net()
    graph = graph_from_proto(net.model(net.op("Mul", net.conv("image", 3, 8), 2.0)))

    (convention,) = conventions(head(decoded_head(), distances_head(16)), graph)

    assert convention.preprocess.std == (255, 255, 255)
