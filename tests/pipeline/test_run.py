import json
import shutil

import cv2
import numpy as np
import pytest

from edgekit.backends.artifact import MANIFEST
from edgekit.errors import ConfigError, DataError
from edgekit.pipeline.convert import convert
from edgekit.pipeline.options import ModelOptions
from edgekit.pipeline.run import default_confidence, run


def test_an_artifact_runs_after_the_model_it_was_made_from_is_gone(tiny, tmp_path):
    model = shutil.copy(tiny.model, tmp_path / "mine.onnx")
    convert(tmp_path / "mine.onnx", tiny.options(tmp_path / "out", evaluation=None))
    model.unlink()

    frames = list(run(tmp_path / "out", str(tiny.calib), 0.25))

    assert [f.name for f in frames] == sorted(p.name for p in tiny.calib.iterdir())
    assert sum(len(f.boxes) for f in frames) > 0
    assert frames[0].class_names == ("disc", "square", "stripe")


def test_boxes_below_the_confidence_are_left_out(out, tiny):
    (image,) = [f.boxes for f in run(out, str(tiny.calib / "1-00.png"), 0.3)]
    (more,) = [f.boxes for f in run(out, str(tiny.calib / "1-00.png"), 0.01)]

    assert image.scores.min(initial=1) >= 0.3
    assert len(more) > len(image)


def test_images_that_cannot_be_read_are_passed_over(out, tiny, tmp_path):
    (tmp_path / "a.png").write_bytes(b"no image")
    shutil.copy(tiny.calib / "1-00.png", tmp_path / "b.png")

    assert [f.name for f in run(out, str(tmp_path), 0.25)] == ["b.png"]


def test_scenes_of_a_manifest_are_run_from_the_cache(out, tmp_path):
    (tmp_path / "drawn.yaml").write_text(
        "{version: 1, kind: rendered, summary: Drawn., scenes: digits, split: eval, count: 2}"
    )

    frames = list(
        run(out, str(tmp_path / "drawn.yaml"), 0.25, ModelOptions(cache=tmp_path / "cache"))
    )

    assert [f.name for f in frames] == ["000000.bmp", "000001.bmp"]
    assert (tmp_path / "cache").is_dir()


def test_every_frame_of_a_video_is_run(out, tmp_path):
    path = str(tmp_path / "clip.avi")
    video = cv2.VideoWriter(path, cv2.VideoWriter_fourcc(*"MJPG"), 5, (64, 48))
    for level in (0, 100, 200):
        video.write(np.full((48, 64, 3), level, np.uint8))
    video.release()

    frames = list(run(out, path, 0.25))

    assert [f.name for f in frames] == [f"{path}#{i}" for i in range(3)]
    assert [round(float(f.pixels_rgb.mean()), -1) for f in frames] == [0, 100, 200]


def test_a_video_that_cannot_be_opened_is_named(out, tmp_path):
    with pytest.raises(DataError, match=r"Cannot open the video.*gone\.mp4"):
        list(run(out, str(tmp_path / "gone.mp4"), 0.25))


def test_a_source_that_is_not_there_is_named(out):
    with pytest.raises(DataError, match="nowhere"):
        list(run(out, "nowhere", 0.25))


def test_what_is_no_detector_is_refused(tiny, tmp_path):
    with pytest.raises(ConfigError, match="expected a model file or an artifact"):
        list(run(tmp_path, str(tiny.calib), 0.25))


def artifact_with(out, folder, thresholds):
    """Return a copy of the artifact that names other thresholds, or has no such key."""
    copy = shutil.copytree(out / "artifact", folder)
    manifest = json.loads((copy / MANIFEST).read_text())
    del manifest["thresholds"]
    more = {} if thresholds is None else {"thresholds": thresholds}
    (copy / MANIFEST).write_text(json.dumps(manifest | more))
    return copy


def named(here, **other):
    return {"fp32": 0.25, "here": here, "same_count": 0.2, "ci95": [0.1, 0.3], "images": 9} | other


def test_an_artifact_is_run_at_the_confidence_that_keeps_what_fp32_keeps(out, tmp_path):
    artifact = artifact_with(out, tmp_path / "a", [named(0.2), named(0.4, fp32=0.5)])

    default = default_confidence(artifact)

    assert default.value == 0.2
    assert default.note.startswith("Shown from confidence 0.200, which keeps as many detections")
    assert "as FP32 keeps at 0.25 (manifest.json)" in default.note


@pytest.mark.parametrize("thresholds", [None, [], [named(0.25)]])
def test_without_a_confidence_of_its_own_an_artifact_is_run_at_the_usual_one(
    out, tmp_path, thresholds
):
    default = default_confidence(artifact_with(out, tmp_path / "a", thresholds))

    assert (default.value, default.note) == (0.25, None)


def test_a_model_file_is_run_at_the_usual_confidence(tiny):
    assert default_confidence(tiny.model).value == 0.25
