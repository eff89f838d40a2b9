"""Every family in every spelling, in disguise, against hand-made labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pytest

from edgekit.errors import HeadError, UnknownNameError
from edgekit.graphs import graph_from_proto, graph_to_bytes, subgraph
from edgekit.heads.decode import decode
from edgekit.heads.find import HeadOptions, find_head
from edgekit.heads.spec import outputs_of, spec_from_json
from tests.heads import detectors as nets
from tests.heads.net import disguised

if TYPE_CHECKING:
    from collections.abc import Callable

STALE = ((0, 0),) * 3 + nets.ANCHORS[3:]


@dataclass(frozen=True)
class Case:
    """A network and what must be found: its own head, its classes and what a cut would decode."""

    build: Callable
    own: str
    classes: int
    cut: str | None
    options: dict

    def built(self):
        return self.build(**self.options)


def case(build, own, cut, classes=80, **options):
    named = {"classes": classes, **options} if classes != 80 else options
    return Case(build, own, classes, cut, named)


FOUND = {
    "yolov8": case(nets.yolov8, "decoded", "distances"),
    "yolov8, channels last": case(nets.yolov8, "decoded", "distances", last=True),
    "yolov8 as wide as yolov5": case(nets.yolov8, "decoded", "distances", 81),
    "yolov8, raw maps beside": case(nets.yolov8, "decoded", "distances", raw_too=True),
    "yolov8, 64 classes": case(nets.yolov8, "decoded", "distances", 64),
    "yolov8, 4 classes": case(nets.yolov8, "decoded", "distances", 4),
    "yolov8, one class": case(nets.yolov8, "decoded", "distances", 1),
    "yolov8, corners, scores first": case(
        nets.yolov8, "decoded", "distances", form="xyxy", order="scores"
    ),
    "yolov8, bins by MatMul, sigmoid spelled out": case(
        nets.yolov8, "decoded", "distances", dfl="matmul", split="split", sigmoids="exp"
    ),
    "yolov8, bins by Mul and ReduceSum": case(nets.yolov8, "decoded", "distances", dfl="sum"),
    "yolov6, distances without bins": case(nets.yolov8, "decoded", "distances", bins=1),
    "yolov8, raw": case(nets.yolov8_raw, "distances", "distances"),
    "yolov8, raw, maps apart": case(nets.yolov8_raw, "distances", None, joined=False),
    "yolov8, raw, equal width": case(nets.yolov8_raw, "distances", "distances", 64, bias=-9.0),
    "yolo-nas": case(nets.split_heads, "decoded", "distances"),
    "yolo-nas, 4 classes": case(nets.split_heads, "decoded", "distances", 4),
    "yolov5": case(nets.anchored, "decoded", "anchors"),
    "yolov5, as many rows as columns": case(nets.anchored, "decoded", "anchors", 247),
    "yolov5, one class": case(nets.anchored, "decoded", "anchors", 1),
    "yolov3, channels first": case(nets.anchored, "decoded", "anchors", form="exp", last=False),
    "yolov2": case(nets.region, "decoded", None),
    "yolov2, one class": case(nets.region, "decoded", None, 1),
    "yolov1": case(nets.cells, "decoded", None, 20),
    "yolov1, three boxes, plain sizes": case(
        nets.cells, "decoded", None, 3, boxes=3, side=5, roots=False
    ),
    "yolox, raw": case(nets.yolox, "grid", "grid"),
    "yolox, raw, 4 classes": case(nets.yolox, "grid", "grid", 4),
    "yolox, decoded": case(nets.yolox, "decoded", "grid", decoded=True),
    "yolox, multiplied": case(nets.yolox, "decoded", "grid", decoded=True, multiplied=True),
    "yolox, decoded, one class": case(nets.yolox, "decoded", "grid", 1, decoded=True),
    "picodet": case(nets.picodet, "distances", "distances"),
    "nanodet": case(nets.nanodet, "distances", "distances"),
    "ssd without background": case(nets.ssd, "decoded", None, 20, background=False),
    "rt-detr": case(nets.rtdetr, "decoded", None),
    "rt-detr, 4 classes": case(nets.rtdetr, "decoded", None, 4),
    "rt-detr, joined": case(nets.rtdetr, "decoded", None, joined=True),
    "end to end": case(nets.end_to_end, "detections", "distances"),
    "end to end, apart": case(nets.end_to_end, "detections", "distances", split=True),
    "end to end, one class": case(nets.end_to_end, "detections", "distances", 1),
    "nms inside, rows": case(nets.with_nms, "detections", "distances"),
    "nms inside, apart": case(nets.with_nms, "detections", "distances", spelling="apart"),
    "nms inside, indices": case(nets.with_nms, "decoded", "distances", spelling="indices"),
}
PICKED = [name for name, c in FOUND.items() if c.own == "detections"]
CUT = [name for name, c in FOUND.items() if c.cut and c.own != "detections"]


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


@pytest.mark.parametrize("name", FOUND)
@pytest.mark.parametrize("seed", [None, 7])
def test_the_head_is_found_under_any_names_with_the_nodes_labelled_by_hand(name, seed, backend):
    expected = FOUND[name]
    net, model = expected.built()
    names = {n.name: n.name for n in model.graph.node}
    if seed is not None:
        model, names = disguised(model, seed)

    head = find_head(graph_from_proto(model), backend)

    assert (head.spec.kind, head.spec.classes) == (expected.own, expected.classes)
    assert (head.cut and head.cut.spec.kind) == expected.cut
    assert head.float_nodes == {names[n] for n in net.labelled}


@pytest.mark.parametrize("name", CUT)
def test_decoding_the_cut_gives_what_the_network_gives(name, backend):
    graph = graph_from_proto(FOUND[name].built()[1])
    head = find_head(graph, backend)
    outputs = run(graph, [*outputs_of(head.spec), *head.cut.outputs], backend)

    ours, theirs = (rows(decode(outputs, spec, 0)) for spec in (head.cut.spec, head.spec))

    assert len(ours) == len(theirs)
    strongest = np.argsort(-ours[:, 4])[:200]
    assert_each_is_among(ours[strongest], theirs)


@pytest.mark.parametrize("name", PICKED)
def test_picked_detections_are_among_the_candidates_of_the_cut(name, backend):
    graph = graph_from_proto(FOUND[name].built()[1])
    head = find_head(graph, backend)
    own = [v.name for v in graph.model.graph.outputs]
    outputs = run(graph, [*own, *head.cut.outputs], backend)

    picked, every = (rows(decode(outputs, spec, 0.3)) for spec in (head.spec, head.cut.spec))

    assert_each_is_among(picked, every)


@pytest.mark.parametrize("name", FOUND)
def test_what_is_found_survives_json(name, backend):
    head = find_head(graph_from_proto(FOUND[name].built()[1]), backend)

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
