import json

import pytest

from edgekit.scenes.sources import sources
from tests.pipeline.test_evaluate import map_by_pycocotools
from tests.scenes.absent import make_absent


@pytest.mark.parametrize("artifact", [False, True])
def test_the_file_of_detections_is_what_was_scored(edgekit, tiny, out, tmp_path, artifact):
    path = tmp_path / "found.json"
    model = out if artifact else tiny.model

    ended = edgekit("eval", model, "--eval", tiny.labels, "--detections", path, "--json")

    (figures,) = json.loads(ended.stdout)
    found = json.loads(path.read_text())
    assert figures["detections"] == len(found)
    assert figures["map"] == pytest.approx(map_by_pycocotools(tiny.labels, found), abs=1e-3)
    assert set(figures["per_class"]) <= {"disc", "square", "stripe"}
    assert 0 < figures["recall"]["ar1"] < 0.9 < figures["recall"]["ar100"] <= 1
    assert len(figures["curves"]["recall"]) == 101
    assert sum(c["count"] for c in figures["confusion"]["cells"] if c["truth"]) == objects(tiny)
    assert set(found[0]) >= {"image_id", "category_id", "bbox", "score"}


def objects(tiny):
    return len(json.loads(tiny.labels.read_text())["annotations"])


def test_without_json_the_figures_are_a_table(edgekit, tiny):
    ended = edgekit("eval", tiny.model, "--eval", tiny.labels)

    lines = {words[0]: words[1:] for line in ended.stdout.splitlines() if (words := line.split())}
    assert ended.code == 0
    assert float(lines["map"][0]) > 0.9
    assert float(lines["ar100"][0]) > 0.9
    assert lines["images"] == ["10"]
    assert lines["weakest"] == ["classes", "AP"]


def test_images_without_labels_give_detections_and_no_score(edgekit, tiny, tmp_path):
    ended = edgekit(
        "eval", tiny.model, "--eval", tiny.calib, "--detections", tmp_path / "found.json", "--json"
    )

    assert set(json.loads(ended.stdout)[0]) == {"detections", "faults"}
    assert json.loads((tmp_path / "found.json").read_text())


def test_a_file_that_cannot_be_written_is_named(edgekit, tiny, tmp_path):
    ended = edgekit(
        "eval", tiny.model, "--eval", tiny.labels, "--detections", tmp_path / "no/found.json"
    )

    assert (ended.code, ended.stdout) == (2, "")
    assert "found.json: No such file or directory. Choose another file." in ended.stderr


def test_a_damaged_model_is_refused(edgekit, tiny, tmp_path):
    (tmp_path / "cut.onnx").write_bytes(tiny.model.read_bytes()[:300])

    ended = edgekit("eval", tmp_path / "cut.onnx", "--eval", tiny.labels)

    assert (ended.code, ended.stdout) == (2, "")
    assert "cut.onnx" in ended.stderr


@pytest.mark.parametrize("command", ["eval", "bench", "run"])
def test_rendered_scenes_are_kept_under_the_cache_folder(
    edgekit, tiny, tmp_path, monkeypatch, command
):
    (tmp_path / "drawn.yaml").write_text(
        "{version: 1, kind: rendered, summary: Drawn., scenes: digits, split: eval, count: 2}"
    )
    monkeypatch.setenv("EDGEKIT_CACHE", str(tmp_path / "cache"))
    flag = [] if command == "run" else ["--eval"]

    edgekit(command, tiny.model, *flag, tmp_path / "drawn.yaml")

    kept = sorted(p.name for p in (tmp_path / "cache").rglob("*.bmp"))
    assert kept == ["000000.bmp", "000001.bmp"]


def test_scenes_without_scikit_learn_end_with_what_to_install(edgekit, tiny, monkeypatch):
    make_absent(monkeypatch, "sklearn")
    sources.cache_clear()

    ended = edgekit("eval", tiny.model, "--eval", "digits-eval")

    assert ended.code == 3
    assert "pip install 'edgekit[demo]'" in ended.stderr
