import json

import pytest

from tests.pipeline.tiny import labels_found_by, write_images


@pytest.fixture(scope="module")
def asked(tiny, tmp_path_factory):
    """A short search, but for --out."""
    folder = tmp_path_factory.mktemp("asked")
    write_images(folder / "search/images", 16, seed=5)
    search = folder / "search/labels.json"
    search.write_text(json.dumps(labels_found_by(tiny.model, folder / "search/images")))
    recipe = folder / "every.yaml"
    recipe.write_text(
        "version: 1\nsummary: Every layer.\ndevice: host\nbackend: onnxruntime\n"
        "precision: {kind: int8, noise_limit_db: -1000, calibration: {count: 8}}\n"
    )
    sets = "--calib", tiny.calib, "--search", search, "--eval", tiny.labels
    return "tune", tiny.model, "--target", recipe, *sets, "--force", "--evaluations", "3"


def test_what_was_tried_is_in_the_report_and_on_stdout(edgekit, asked, tmp_path):
    ended = edgekit(*asked, "--out", tmp_path / "out", "--min-agreement", "0", "--json")

    assert ended.code == 0
    report = json.loads(ended.stdout)
    assert [t["name"] for t in report["search"]["trials"]][:2] == ["fp32", "int8-64"]
    assert report["provenance"]["command"].startswith("edgekit tune ")
    assert (tmp_path / "out/artifact/model.onnx").is_file()


def test_what_cannot_be_kept_ends_with_1_and_is_written(edgekit, asked, tmp_path):
    strict = tmp_path / "strict.yaml"
    strict.write_text(asked[3].read_text() + "gates: {p90_ms_max: 1.0e-6}\n")
    changed = [strict if word is asked[3] else word for word in asked]

    ended = edgekit(*changed, "--out", tmp_path / "out")

    assert ended.code == 1
    assert "found nothing that" in ended.stderr
    assert "Nothing tried keeps" in " ".join(ended.stdout.split())
    assert (tmp_path / "out/artifact/model.onnx").is_file()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--sizes", "64,big"), "--sizes '64,big': expected different sides in pixels"),
        (("--sizes", "64,64"), "--sizes '64,64': expected different sides"),
        (("--sizes", ""), "--sizes '': expected different sides"),
        (("--sizes", "-64"), "--sizes '-64': expected different sides"),
        (("--max-map-drop", "-1"), "0 or more, found -1"),
        (("--min-agreement", "95"), "--min-agreement: expected a fraction"),
        (("--evaluations", "2"), "--evaluations: expected 3 or more"),
        (("--target", "ort-cpu-fp32"), "quantizes nothing"),
    ],
)
def test_what_no_search_can_be_held_to_ends_with_2(edgekit, asked, tmp_path, flags, message):
    ended = edgekit(*asked, "--out", tmp_path / "out", *flags)

    assert (ended.code, ended.stdout) == (2, "")
    assert message in " ".join(ended.stderr.replace("│", " ").split())
    assert list(tmp_path.iterdir()) == []


def test_overlapping_sets_end_with_2(edgekit, asked, tiny, tmp_path):
    ended = edgekit(*asked, "--out", tmp_path / "out", "--search", tiny.calib)

    assert (ended.code, ended.stdout) == (2, "")
    assert "--allow-overlap" in ended.stderr
    assert list(tmp_path.iterdir()) == []


def test_help_names_the_images_that_decide(edgekit):
    ended = edgekit("tune", "--help")

    assert ended.code == 0
    assert all(flag in ended.stdout for flag in ("--search", "--sizes", "--evaluations"))
