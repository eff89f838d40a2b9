"""The diagnosis a conversion writes: into the report, into the manifest, and as names."""

from dataclasses import replace

import numpy as np
import pytest

from edgekit.backends.artifact import read_artifact
from edgekit.config.calibration import open_source
from edgekit.measure.accuracy import Detections, agreement, detect_all
from edgekit.measure.diagnosis import diagnose
from edgekit.measure.fates import FATES
from edgekit.measure.predict import Predictor
from edgekit.pipeline.diagnosing import Names, diagnosis_part, explain, thresholds_of
from edgekit.pipeline.job import Measured
from edgekit.pipeline.opened import open_detector
from edgekit.pipeline.options import ModelOptions
from edgekit.report.json_file import read_report
from edgekit.report.pictures import unmatched
from edgekit.values import Boxes


@pytest.fixture(scope="module")
def int8(out):
    return read_report(out / "report.json").row("int8")


@pytest.fixture(scope="module")
def found(out, tiny, scored):
    """What the model and its artifact find in the labelled images."""
    paths = {"fp32": tiny.model, "int8": out}
    opened = {n: open_detector(p, ModelOptions(), n).candidate for n, p in paths.items()}
    return {name: detect_all(candidate, scored) for name, candidate in opened.items()}


def test_only_rows_below_fp32_are_diagnosed(out):
    rows = read_report(out / "report.json").rows

    assert {r.name for r in rows if r.diagnosis} == {"int8"}


def test_what_was_kept_is_what_the_pictures_show_as_kept(int8, found):
    sure = {n: {i: above(b, 0.25) for i, b in d.boxes.items()} for n, d in found.items()}
    lost = sum(int(unmatched(b, sure["int8"][i]).sum()) for i, b in sure["fp32"].items())

    count = {f.fate: f.count for f in int8.diagnosis.fates}

    total = sum(len(b) for b in sure["fp32"].values())
    assert count["kept"] == total - lost > 0
    assert sum(count[fate] for fate in FATES[:5]) == total


def test_the_causes_add_up_to_what_the_row_loses(int8):
    points = [part.points for _, part in int8.diagnosis.agreement_lost]
    of_map = [part.points for _, part in int8.diagnosis.map_lost]

    assert sum(points) == pytest.approx(100 * (1 - int8.agreement), abs=0.01)
    assert sum(of_map) == pytest.approx(int8.map_drop_points, abs=1e-9)


def test_the_manifest_names_the_thresholds_of_the_report(out, int8):
    named = read_artifact(out)[0].thresholds

    assert named == thresholds_of(int8)
    assert [t.fp32 for t in named] == [t.fp32.confidence for t in int8.diagnosis.thresholds]
    assert named[0].fp32 == 0.25
    assert [t.same_count for t in named] == [
        t.same_count.confidence for t in int8.diagnosis.thresholds
    ]
    assert [t.here for t in named] == [t.advised for t in int8.diagnosis.thresholds]
    assert named[0].ci95[0] <= named[0].same_count <= named[0].ci95[1]
    assert named[0].images == 10


def test_an_artifact_run_at_its_threshold_finds_as_much_as_fp32(out, int8, tiny, scored, found):
    threshold = read_artifact(out)[0].thresholds[0]
    candidate = open_detector(out, ModelOptions(), "int8").candidate

    with Predictor(candidate.at_confidence(threshold.same_count)) as predictor:
        shown = [predictor.detect(record_pixels(r)) for r in scored.records]

    fp32 = sum(len(above(b, 0.25)) for b in found["fp32"].boxes.values())
    assert sum(map(len, shown)) == int8.diagnosis.thresholds[0].same_count.detections
    assert sum(map(len, shown)) == pytest.approx(fp32, abs=2)


def test_classes_sizes_and_images_go_by_their_names(int8, tiny):
    diagnosis = int8.diagnosis

    assert {g.name for g in diagnosis.classes} <= {"disc", "square", "stripe"}
    assert {g.name for g in diagnosis.sizes} <= {"small", "medium", "large"}
    files = {p.name for p in (tiny.labels.parent / "images").iterdir()}
    assert {e.image for e in diagnosis.examples} <= files


def test_a_class_without_a_name_goes_by_its_number():
    names = Names(("cat",), {}, {})

    assert [names.of_class(i) for i in (0, 1)] == ["cat", "class 1"]


def test_without_labels_classes_go_by_the_names_of_the_model(found, scored):
    bare = replace(scored, records=tuple(replace(r, truth=None) for r in scored.records))
    both = found["fp32"], found["int8"]
    names = Names(("disc", "square"), {}, {r.id: r.path.name for r in scored.records})

    part = diagnosis_part(diagnose(*both, bare, None), both, names)

    assert part.map_lost is None
    assert {g.name for g in part.classes} <= {"disc", "square", "class 2"}
    lost = sum(p.points for _, p in part.agreement_lost)
    assert lost == pytest.approx(100 * (1 - agreement(*both, bare)))


def test_without_evaluation_images_nothing_is_explained(out):
    measured = Measured(rows=(read_report(out / "report.json").row("fp32"),), scores={}, run=None)

    assert explain(_job_without_images(), None, measured) is measured
    assert thresholds_of(measured.rows[0]) == ()


def _job_without_images():
    class Sets:
        evaluation = None

    class Job:
        sets = Sets

    return Job


def test_the_detector_that_ships_shows_a_shift_that_was_put_into_it(tmp_path):
    """Known answers on real detections: confidences times 0.8, and every 7th detection gone."""
    from edgekit.pipeline.demo import bundled_model

    (tmp_path / "scenes.yaml").write_text(
        "{version: 1, kind: rendered, summary: Drawn., scenes: digits, split: eval, count: 24}"
    )
    scenes = open_source(str(tmp_path / "scenes.yaml"), cache_in(tmp_path))
    opened = open_detector(bundled_model(), ModelOptions(), "fp32")
    fp32 = detect_all(opened.candidate, scenes)
    lower = Detections("lower", {i: lowered(b) for i, b in fp32.boxes.items()})

    found = diagnose(fp32, lower, scenes, opened.category_ids(scenes))

    scores = np.concatenate([b.scores for b in fp32.boxes.values()])
    assert {f.fate for f in found.fates if f.count} <= {"kept", "faded", "missed"}
    assert found.map_causes.place.value == pytest.approx(0)
    assert found.map_causes.presence.value > 0.5
    median = -0.2 * np.median(scores[scores >= 0.25])
    assert found.shift.median.value == pytest.approx(median, abs=0.02)
    first = found.thresholds[0]
    assert first.by_count.detections == pytest.approx(first.base.detections, abs=1)
    assert first.by_count.confidence < 0.8 * 0.25


def lowered(boxes):
    keep = np.arange(len(boxes)) % 7 != 6
    return Boxes(boxes.xyxy[keep], boxes.scores[keep] * np.float32(0.8), boxes.classes[keep])


def above(boxes, confidence):
    keep = boxes.scores >= confidence
    return Boxes(boxes.xyxy[keep], boxes.scores[keep], boxes.classes[keep])


def record_pixels(record):
    from edgekit.images.read import read_image

    return read_image(record).pixels_rgb


def cache_in(folder):
    from edgekit.images.datasets import DatasetOptions

    return DatasetOptions(cache=folder / "cache")
