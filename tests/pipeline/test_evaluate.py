import contextlib
import io
import json
from dataclasses import replace
from pathlib import Path

import onnx
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from edgekit.config.calibration import open_source
from edgekit.errors import ConfigError
from edgekit.measure.latency import measure_latency
from edgekit.pipeline import evaluate as module
from edgekit.pipeline.evaluate import bench, evaluate
from edgekit.pipeline.options import ModelOptions
from tests.pipeline.tiny import BRIEF

USUAL = ModelOptions()


def map_by_pycocotools(labels, results):
    return figures_by_pycocotools(labels, results)[0]


def figures_by_pycocotools(labels, results, image_ids=None):
    """The twelve COCO figures: six of precision, six of recall."""
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(labels))
        evaluation = COCOeval(truth, truth.loadRes(results), "bbox")
        if image_ids is not None:
            evaluation.params.imgIds = image_ids
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation.stats


@pytest.fixture
def brief(monkeypatch):
    measure = module.measure_latency
    monkeypatch.setattr(
        module,
        "measure_latency",
        lambda candidates, dataset, _, progress: measure(candidates, dataset, BRIEF, progress),
    )


def test_the_score_is_that_of_the_detections_it_gives(tiny, out, scored):
    for path in (tiny.model, out):
        result = evaluate(path, scored, USUAL)

        score = map_by_pycocotools(tiny.labels, json.loads(json.dumps(result.results)))
        assert result.accuracy.map == pytest.approx(score, abs=1e-3)
        assert result.accuracy.images == 10


def test_without_labels_there_are_detections_alone(tiny):
    result = evaluate(tiny.model, open_source(str(tiny.calib)), USUAL)

    assert result.accuracy is None
    assert {r["category_id"] for r in result.results} <= {0, 1, 2}


def test_an_image_that_cannot_be_read_is_counted(tiny, scored, tmp_path):
    (tmp_path / "broken.png").write_bytes(b"no image")
    broken = replace(scored.records[0], path=tmp_path / "broken.png")

    result = evaluate(tiny.model, replace(scored, records=(broken, *scored.records[1:])), USUAL)

    assert sum(result.faults.values()) == 1
    assert result.accuracy.images == 9


def test_models_are_timed_in_turn_and_compared_with_the_first(tiny, out, scored, brief):
    first, second = bench([tiny.model, out], scored, USUAL)

    assert (first.name, second.name) == ("tiny", "out")
    assert first.speedup is None
    assert second.speedup.low <= second.speedup.value <= second.speedup.high
    assert first.scores.accuracy.map > 0.9
    assert second.scores.agreement > 0.5


def test_models_whose_classes_differ_are_not_compared(tiny, scored, tmp_path):
    model = onnx.load(tiny.model)
    onnx.helper.set_model_props(model, {"names": "{0: 'square', 1: 'disc', 2: 'stripe'}"})
    onnx.save(model, tmp_path / "other.onnx")

    with pytest.raises(ConfigError, match="tiny and other find: expected the same classes"):
        bench([tiny.model, tmp_path / "other.onnx"], scored, USUAL)


def test_the_timing_is_told_how_to_measure(tiny, monkeypatch):
    asked = []

    def measure(candidates, dataset, options, progress):
        asked.append(options)
        return measure_latency(candidates, dataset, BRIEF, progress)

    monkeypatch.setattr(module, "measure_latency", measure)
    once_more = replace(BRIEF, repeat_disturbed=True)
    bench([tiny.model], None, USUAL, once_more)
    bench([tiny.model], None, USUAL)

    assert asked[0] is once_more
    assert asked[1].streams[0] == 1


def test_without_images_only_the_time_is_told(tiny, brief):
    (only,) = bench([tiny.model], None, USUAL)

    assert only.scores is None
    assert only.timed.latency.p50 > 0
    assert only.conditions["other_programs_cores"] >= 0
    assert only.conditions["power"]


def test_models_of_one_file_name_are_told_apart_by_their_paths():
    names = module._names([Path("a/model.onnx"), Path("b/model.onnx"), Path("c/artifact")])

    assert names == ["a/model.onnx", "b/model.onnx", "c"]


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "family"),
    [
        ("yolov8n", None),
        ("yolov5n", None),
        ("yolox_nano_kazuhito", None),
        ("picodet_s_320_coco", "picodet"),
    ],
)
def test_real_detectors_score_what_pycocotools_says_of_their_detections(data_dir, model, family):
    labels = data_dir / "coco-val-mini/instances.json"
    dataset = open_source(str(labels))
    few = replace(dataset, records=dataset.records[::10])

    options = ModelOptions(family=family)
    result = evaluate(data_dir / "models" / f"{model}.onnx", few, options)

    expected = figures_by_pycocotools(labels, result.results, [r.id for r in few.records])
    figures = vars(result.accuracy)
    sizes = [figures[f"map{part}"] for part in ("", "50", "75", "_small", "_medium", "_large")]
    recalls = vars(result.accuracy.recall).values()
    assert [*sizes, *recalls] == pytest.approx(list(expected), abs=1e-9)
    assert expected[0] > 0.2
