"""Every family in every spelling, in disguise, against hand-made labels."""

from __future__ import annotations

import numpy as np
import pytest

from edgekit.errors import HeadError, UnknownNameError
from edgekit.graphs import graph_from_proto, graph_to_bytes, subgraph
from edgekit.heads.decode import decode
from edgekit.heads.find import HeadOptions, find_head
from edgekit.heads.spec import outputs_of, spec_from_json
from tests.heads import detectors as nets
from tests.heads.net import disguised

V3 = {"form": "exp", "last": False}
STALE = ((0, 0),) * 3 + nets.ANCHORS[3:]

# what it is: the network, kind of its own outputs, classes, kind of the cut
FOUND = {
    "yolov8": (nets.yolov8, {}, "decoded", 80, "distances"),
    "yolov8, channels last": (
        nets.yolov8,
        {"last": True},
        "decoded",
        80,
        "distances",
    ),
    "yolov8 as wide as yolov5": (nets.yolov8, {"classes": 81}, "decoded", 81, "distances"),
    "yolov8 with 64 classes": (nets.yolov8, {"classes": 64}, "decoded", 64, "distances"),
    "yolov8 with 4 classes": (nets.yolov8, {"classes": 4}, "decoded", 4, "distances"),
    "yolov8 with one class": (nets.yolov8, {"classes": 1}, "decoded", 1, "distances"),
    "yolov8, corners, scores first": (
        nets.yolov8,
        {"form": "xyxy", "order": "scores"},
        "decoded",
        80,
        "distances",
    ),
    "yolov8, bins by MatMul, sigmoid spelled out": (
        nets.yolov8,
        {"dfl": "matmul", "split": "split", "sigmoids": "exp"},
        "decoded",
        80,
        "distances",
    ),
    "yolov8, bins by Mul and ReduceSum": (nets.yolov8, {"dfl": "sum"}, "decoded", 80, "distances"),
    "yolov6, distances without bins": (nets.yolov8, {"bins": 1}, "decoded", 80, "distances"),
    "yolov8 raw maps": (nets.yolov8_raw, {}, "distances", 80, "distances"),
    "yolov8 raw maps apart": (nets.yolov8_raw, {"joined": False}, "distances", 80, None),
    "yolov8 raw maps of equal width": (
        nets.yolov8_raw,
        {"classes": 64, "bias": -9.0},
        "distances",
        64,
        "distances",
    ),
    "yolo-nas": (nets.split_heads, {}, "decoded", 80, "distances"),
    "yolo-nas with 4 classes": (nets.split_heads, {"classes": 4}, "decoded", 4, "distances"),
    "yolov5": (nets.anchored, {}, "decoded", 80, "anchors"),
    "yolov5, square": (
        nets.anchored,
        {"classes": 247},
        "decoded",
        247,
        "anchors",
    ),
    "yolov5 with one class": (nets.anchored, {"classes": 1}, "decoded", 1, "anchors"),
    "yolov3, channels first": (
        nets.anchored,
        {"form": "exp", "last": False},
        "decoded",
        80,
        "anchors",
    ),
    "yolox, raw": (nets.yolox, {}, "grid", 80, "grid"),
    "yolox, raw, 4 classes": (nets.yolox, {"classes": 4}, "grid", 4, "grid"),
    "yolox, decoded": (nets.yolox, {"decoded": True}, "decoded", 80, "grid"),
    "yolox, decoded and multiplied": (
        nets.yolox,
        {"decoded": True, "multiplied": True},
        "decoded",
        80,
        "grid",
    ),
    "yolox, decoded, one class": (
        nets.yolox,
        {"decoded": True, "classes": 1},
        "decoded",
        1,
        "grid",
    ),
    "picodet": (nets.picodet, {}, "distances", 80, "distances"),
    "nanodet": (nets.nanodet, {}, "distances", 80, "distances"),
    "ssd without background": (nets.ssd, {"background": False}, "decoded", 20, None),
    "rt-detr": (nets.rtdetr, {}, "decoded", 80, None),
    "rt-detr with 4 classes": (nets.rtdetr, {"classes": 4}, "decoded", 4, None),
    "rt-detr, joined": (nets.rtdetr, {"joined": True}, "decoded", 80, None),
    "end to end": (nets.end_to_end, {}, "detections", 80, "distances"),
    "end to end, apart": (nets.end_to_end, {"split": True}, "detections", 80, "distances"),
    "end to end, one class": (nets.end_to_end, {"classes": 1}, "detections", 1, "distances"),
    "nms inside, rows": (nets.with_nms, {}, "detections", 80, "distances"),
    "nms inside, apart": (nets.with_nms, {"spelling": "apart"}, "detections", 80, "distances"),
    "nms inside, indices": (nets.with_nms, {"spelling": "indices"}, "decoded", 80, "distances"),
}
found = pytest.mark.parametrize("case", FOUND.values(), ids=FOUND.keys())


def run(graph, names, backend):
    """The values called ``names`` for a random image."""
    image = np.random.default_rng(3).uniform(0, 4, (1, 3, 64, 64)).astype(np.float32)
    part = subgraph(graph, ["image"], list(dict.fromkeys(names)))
    with backend.open(graph_to_bytes(part)) as session:
        return session.run({"image": image})


def rows(boxes):
    """Boxes, scores and classes as one table in which a unit is a pixel or a percent."""
    return np.column_stack([boxes.xyxy, 100 * boxes.scores, 100 * boxes.classes])


def assert_each_is_among(few, many):
    assert len(few) > 0
    for row in few:
        assert np.abs(many - row).max(axis=1).min() < 0.05


@found
@pytest.mark.parametrize("seed", [None, 7])
def test_the_head_is_found_under_any_names_with_the_nodes_labelled_by_hand(case, seed, backend):
    build, options, kind, classes, cut = case
    net, model = build(**options)
    names = {n.name: n.name for n in model.graph.node}
    if seed is not None:
        model, names = disguised(model, seed)

    head = find_head(graph_from_proto(model), backend)

    assert (head.spec.kind, head.spec.classes) == (kind, classes)
    assert (head.cut and head.cut.spec.kind) == cut
    assert head.float_nodes == {names[n] for n in net.labelled}


@found
def test_decoding_the_cut_gives_what_the_network_gives(case, backend):
    build, options, kind, _, cut = case
    if cut is None or kind == "detections":
        pytest.skip("no cut, or picked detections, which have a test of their own")
    graph = graph_from_proto(build(**options)[1])
    head = find_head(graph, backend)
    outputs = run(graph, [*outputs_of(head.spec), *head.cut.outputs], backend)

    ours, theirs = (rows(decode(outputs, spec, 0)) for spec in (head.cut.spec, head.spec))

    assert len(ours) == len(theirs)
    strongest = np.argsort(-ours[:, 4])[:200]
    assert_each_is_among(ours[strongest], theirs)


@pytest.mark.parametrize("case", ["end to end", "nms inside, rows", "nms inside, apart"])
def test_picked_detections_are_among_the_candidates_of_the_cut(case, backend):
    build, options, *_ = FOUND[case]
    graph = graph_from_proto(build(**options)[1])
    head = find_head(graph, backend)
    own = [v.name for v in graph.model.graph.outputs]
    outputs = run(graph, [*own, *head.cut.outputs], backend)

    picked, every = (rows(decode(outputs, spec, 0.3)) for spec in (head.spec, head.cut.spec))

    assert_each_is_among(picked, every)


@found
def test_what_is_found_survives_json(case, backend):
    build, options, *_ = case

    head = find_head(graph_from_proto(build(**options)[1]), backend)

    assert spec_from_json(head.spec.model_dump_json()) == head.spec


def test_anchors_are_read_off_the_decode(backend):
    head = find_head(graph_from_proto(nets.anchored()[1]), backend)

    assert tuple(p.anchor_wh for p in head.cut.spec.parts) == nets.ANCHORS
    assert head.cut.spec.xy_scale == 2
    assert [p.stride for p in head.cut.spec.parts] == [8] * 3 + [16] * 3 + [32] * 3


def test_anchors_left_at_zero_are_reported(backend):
    head = find_head(graph_from_proto(nets.anchored(anchors=STALE)[1]), backend)

    assert [w for w in head.warnings if "stride 8" in w and "no size" in w]


@pytest.mark.parametrize("reshaped", [True, False])
@pytest.mark.parametrize("activated", [True, False])
def test_raw_anchor_maps_need_their_anchors(reshaped, activated, backend):
    graph = graph_from_proto(nets.anchored_raw(reshaped=reshaped, activated=activated)[1])

    with pytest.raises(HeadError, match="--head"):
        find_head(graph, backend)
    head = find_head(graph, backend, HeadOptions(kind="yolov5"))

    assert head.spec.parts[0].anchor_wh == (10, 13)
    assert (head.spec.size, head.spec.boxes_activated) == ("squared-sigmoid", activated)
    assert len(head.spec.parts) == 9


def test_own_anchors_answer_too(backend):
    graph = graph_from_proto(nets.anchored_raw(classes=3)[1])
    options = HeadOptions(kind="anchors", anchors=nets.ANCHORS, size="exp")

    head = find_head(graph, backend, options)

    assert tuple(p.anchor_wh for p in head.spec.parts) == nets.ANCHORS
    assert (head.spec.xy_scale, head.spec.classes) == (1, 3)


def test_maps_of_equal_width_whose_roles_do_not_show_are_a_question(backend):
    with pytest.raises(HeadError, match="ambiguous"):
        find_head(graph_from_proto(nets.yolov8_raw(classes=64)[1]), backend)


def test_an_answer_that_does_not_fit_is_refused(backend):
    graph = graph_from_proto(nets.yolov8()[1])

    with pytest.raises(HeadError, match="--head grid"):
        find_head(graph, backend, HeadOptions(kind="grid"))
    with pytest.raises(UnknownNameError, match="yolov5"):
        find_head(graph, backend, HeadOptions(kind="yolov55"))


def test_a_background_that_does_not_stand_out_is_a_question(backend):
    graph = graph_from_proto(nets.ssd()[1])

    with pytest.raises(HeadError, match="background"):
        find_head(graph, backend)

    assert find_head(graph, backend, HeadOptions(background=0)).spec.classes == 20


def test_nanodet_starts_at_the_corner_and_says_so(backend):
    graph = graph_from_proto(nets.nanodet()[1])

    assumed = find_head(graph, backend)
    told = find_head(graph, backend, HeadOptions(kind="picodet"))

    assert (assumed.spec.center, len(assumed.warnings)) == (0, 1)
    assert (told.spec.center, told.warnings) == (0.5, ())


@pytest.mark.parametrize(
    ("build", "options", "name"),
    [
        (nets.segmentation, {}, "segmentation"),
        (nets.with_extra, {"extra": 51}, "pose"),
        (nets.with_extra, {"extra": 1, "classes": 15}, "oriented"),
        (nets.classifier, {}, "classification"),
    ],
)
def test_what_is_no_box_detector_is_refused_by_name(build, options, name, backend):
    with pytest.raises(HeadError, match=name):
        find_head(graph_from_proto(build(**options)[1]), backend)
