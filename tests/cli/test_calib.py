import json
import shutil

import yaml

from edgekit.config.calibration import Listed, open_source


def test_the_facts_and_what_is_doubtful_are_told(edgekit, tiny, tmp_path):
    shutil.copytree(tiny.calib, tmp_path / "calib")
    shutil.copy(tiny.calib / "1-00.png", tmp_path / "calib/again.png")
    (tmp_path / "calib/broken.png").write_bytes(b"no image")

    ended = edgekit("calib", "audit", tmp_path / "calib")

    facts = dict(line.split() for line in ended.stdout.splitlines()[2:5])
    assert facts == {"images": "34", "readable": "33", "unreadable-image": "1"}
    assert "again.png and 1-00.png" in ended.stdout
    assert "unreadable-image: broken.png" in ended.stdout
    assert (ended.code, ended.stderr) == (0, "")


def test_with_a_model_the_learning_curve_ends_in_advice(edgekit, tiny):
    lines = edgekit("calib", "audit", tiny.calib, tiny.model).stdout.splitlines()
    (whole,) = json.loads(edgekit("calib", "audit", tiny.calib, tiny.model, "--json").stdout)

    assert [point["images"] for point in whole["coverage"]["curve"]] == [8, 16, 24, 32]
    assert lines[-1] == whole["coverage"]["advice"]
    assert ["32", "0.0", "%"] in [line.split() for line in lines]


def test_the_keys_of_the_json_are_stable(edgekit, tiny):
    (whole,) = json.loads(edgekit("calib", "audit", tiny.labels, "--json").stdout)

    assert list(whole) == [
        "source",
        "images",
        "readable",
        "faults",
        "labels",
        "coverage",
        "findings",
    ]
    assert whole["coverage"] is None
    assert list(whole["labels"]) == ["objects", "sizes", "empty"]
    assert {tuple(finding) for finding in whole["findings"]} == {("kind", "sentence", "images")}


def test_labels_are_counted_by_class_and_size(edgekit, tiny):
    text = edgekit("calib", "audit", tiny.labels).stdout

    assert "3 of 3" in text or "2 of 3" in text
    assert " small, " in text


def test_nothing_doubtful_is_said_too(edgekit, tiny):
    ended = edgekit("calib", "audit", tiny.calib, tiny.model, "--eval", tiny.labels)

    assert [line for line in ended.stdout.splitlines() if "doubtful" in line] == [
        "Nothing doubtful found."
    ]


def test_images_that_score_as_well_are_refused_unless_allowed(edgekit, tiny):
    images = tiny.labels.parent / "images"

    refused = edgekit("calib", "audit", images, "--eval", tiny.labels)
    allowed = edgekit("calib", "audit", images, "--eval", tiny.labels, "--allow-overlap")

    assert (refused.code, refused.stdout) == (2, "")
    assert "10 calibration images are also evaluation images" in refused.stderr
    assert "--allow-overlap" in refused.stderr
    assert allowed.code == 0
    assert "10 calibration images are also evaluation images" in allowed.stdout


def test_a_manifest_is_written_and_audited(edgekit, tiny, tmp_path):
    out = tmp_path / "mine.yaml"

    made = edgekit("calib", "make", tiny.calib, "--count", "20", "--out", out)
    audited = edgekit("calib", "audit", out)

    assert (made.code, made.stderr) == (0, "")
    assert made.stdout == f"Written to {out}: 20 of 32 images. Left out on the way: none.\n"
    assert len(Listed(**yaml.safe_load(out.read_text(encoding="utf-8"))).images) == 20
    assert len(open_source(str(out)).records) == 20
    assert "Only 20 images can be used" in audited.stdout


def test_what_was_written_is_told_as_json(edgekit, tiny, tmp_path):
    flags = ("--count", "3", "--out", tmp_path / "mine.yaml", "--json")

    (made,) = json.loads(edgekit("calib", "make", tiny.calib, *flags).stdout)

    assert made == {
        "manifest": str(tmp_path / "mine.yaml"),
        "images": 3,
        "source": str(tiny.calib),
        "total": 32,
        "left_out": {},
    }


def test_more_images_than_there_are_is_bad_input(edgekit, tiny, tmp_path):
    ended = edgekit("calib", "make", tiny.calib, "--out", tmp_path / "mine.yaml")

    assert (ended.code, ended.stdout) == (2, "")
    assert "expected 64 images that differ, found 32 among 32" in ended.stderr
    assert list(tmp_path.iterdir()) == []
