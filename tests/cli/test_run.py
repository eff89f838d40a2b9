import json

import cv2
import onnx

from tests.pipeline.test_run import artifact_with, named


def lines(ended):
    return [json.loads(line) for line in ended.stdout.splitlines()]


def test_with_json_every_image_is_one_document(edgekit, out, tiny):
    ended = edgekit("run", out, tiny.calib, "--json")

    found = lines(ended)
    assert [f["image"] for f in found] == sorted(p.name for p in tiny.calib.iterdir())
    first = next(d for f in found for d in f["detections"])
    assert first["class"] in {"disc", "square", "stripe"}
    assert 0 < first["score"] <= 1


def test_every_image_is_a_line_that_says_the_same(edgekit, out, tiny):
    (found,) = lines(edgekit("run", out, tiny.calib / "1-00.png", "--json"))
    ended = edgekit("run", out, tiny.calib / "1-00.png")

    assert ended.stdout.startswith("1-00.png: ")
    assert ended.stdout.count(" at ") == len(found["detections"]) > 0


def test_an_image_without_detections_says_so(edgekit, out, tiny):
    ended = edgekit("run", out, tiny.calib / "1-00.png", "--confidence", 1)

    assert ended.stdout == "1-00.png: nothing\n"


def test_boxes_are_in_pixels_of_the_image(edgekit, out, tiny):
    path = tiny.calib / "1-00.png"
    height, width = cv2.imread(str(path)).shape[:2]

    (found,) = lines(edgekit("run", out, path, "--confidence", 0.05, "--json"))

    for detection in found["detections"]:
        x1, y1, x2, y2 = detection["box_xyxy"]
        assert 0 <= x1 <= x2 <= width
        assert 0 <= y1 <= y2 <= height


def test_it_stops_after_as_many_images_as_asked(edgekit, out, tiny):
    assert len(lines(edgekit("run", out, tiny.calib, "--limit", 3, "--json"))) == 3


def test_a_model_without_names_gives_numbers(edgekit, tiny, tmp_path):
    model = onnx.load(tiny.model)
    del model.metadata_props[:]
    onnx.save(model, tmp_path / "nameless.onnx")

    found = lines(edgekit("run", tmp_path / "nameless.onnx", tiny.calib, "--json"))

    assert {d["class"] for f in found for d in f["detections"]} <= {0, 1, 2}


def test_a_camera_that_is_not_there_is_named(edgekit, out):
    ended = edgekit("run", out, "99")

    assert (ended.code, ended.stdout) == (2, "")
    assert "'99'" in ended.stderr


def test_a_confidence_above_one_is_refused(edgekit, out, tiny):
    assert edgekit("run", out, tiny.calib, "--confidence", 25).code == 2


def test_without_a_confidence_it_says_which_one_keeps_what_fp32_keeps(edgekit, out, tiny, tmp_path):
    artifact = artifact_with(out, tmp_path / "a", [named(0.2)])
    image = tiny.calib / "1-00.png"

    usual = edgekit("run", artifact, image)
    asked = edgekit("run", artifact, image, "--confidence", 0.2)

    assert usual.stderr.startswith("edgekit: Shown from confidence 0.200, which keeps as many")
    assert asked.stderr == ""
    assert usual.stdout == asked.stdout
