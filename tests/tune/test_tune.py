from __future__ import annotations

import json
import shutil

import onnx
import pytest

from edgekit.backends.artifact import read_artifact
from edgekit.errors import ConfigError, MissingError
from edgekit.images.overlap import file_sha256
from edgekit.pipeline import place
from edgekit.report.json_file import read_report
from edgekit.tune import outcome
from edgekit.tune import tune as module
from edgekit.tune.options import TuneOptions
from edgekit.tune.trials import Bench
from edgekit.tune.tune import tune
from tests.heads.detectors import yolov8_raw
from tests.pipeline.test_convert import beside, content
from tests.pipeline.tiny import NAMES, labels_found_by, write_images


@pytest.fixture(scope="module")
def world(tiny, tmp_path_factory):
    """Labelled images to decide on, and a recipe that leaves no layer of random weights out."""
    folder = tmp_path_factory.mktemp("world")
    write_images(folder / "search/images", 16, seed=5)
    labels = folder / "search/labels.json"
    labels.write_text(json.dumps(labels_found_by(tiny.model, folder / "search/images")))
    recipe = folder / "every.yaml"
    recipe.write_text(
        "version: 1\nsummary: Every layer.\ndevice: host\nbackend: onnxruntime\n"
        "precision: {kind: int8, noise_limit_db: -1000, calibration: {count: 8}}\n"
    )
    return folder


@pytest.fixture(scope="module")
def asked(tiny, world):
    """Return a maker of options for a short search."""

    def make(out, convert=None, **changes):
        usual = {"target": str(world / "every.yaml"), "force": True, "cache": world / "cache"}
        options = tiny.options(out, **(usual | (convert or {})))
        short = {"search": str(world / "search/labels.json"), "agreement_min": 0.0}
        return TuneOptions(options, **(short | {"evaluations": 4} | changes))

    return make


@pytest.fixture(scope="module")
def out(tiny, asked, tmp_path_factory):
    """A folder that a search wrote; read only."""
    folder = tmp_path_factory.mktemp("tuned") / "out"
    tune(tiny.model, asked(folder, {"map_drop_points_max": 100.0}))
    return folder


@pytest.fixture
def counted(monkeypatch):
    """Names of the networks that were measured, not remembered."""
    measured = []
    right = Bench._measure

    def measure(self, network, candidate):
        measured.append(candidate.name)
        return right(self, network, candidate)

    monkeypatch.setattr(Bench, "_measure", measure)
    return measured


def test_the_report_says_what_was_tried_on_which_images(out):
    report = read_report(out / "report.json")
    search = report.search

    assert (search.images, search.layers) == (16, 3)
    # FP32, all in INT8, and of what is expected to be best between one or more, as times fall out.
    assert 3 <= len(search.trials) <= 4
    assert [t.name for t in search.trials[:2]] == ["fp32", "int8-64"]
    assert all(t.map_drop_points is not None and t.met for t in search.trials)
    assert any(t.front for t in search.trials)
    assert search.expected > len(search.trials)
    assert {use.role: use.images for use in report.data}["search"] == 16


def test_the_artifact_is_the_one_that_was_chosen(out):
    report = read_report(out / "report.json")

    artifact, _ = read_artifact(out / "artifact")
    chosen = report.row(report.search.chosen)
    assert report.rows[-1] == chosen
    surely_faster = chosen.baseline or chosen.speedup_ci95[0] > 1
    assert report.verdict.ship == (chosen.name if surely_faster else "fp32")
    assert artifact.precision == chosen.precision
    model = onnx.load(out / "artifact/model.onnx")
    onnx.checker.check_model(model, full_check=True)
    quantized = any(node.op_type == "QuantizeLinear" for node in model.graph.node)
    assert quantized is (chosen.precision != "fp32")


def test_the_lock_has_the_images_that_decided(out, world):
    lock = json.loads((out / "edgekit.lock").read_text())

    names = {path.name: file_sha256(path) for path in (world / "search/images").iterdir()}
    assert lock["search"]["images"] == names
    assert len(lock["calibration"]["images"]) == 8


def test_rows_are_fp32_and_what_is_worth_showing(out):
    report = read_report(out / "report.json")

    tried = {trial.name for trial in report.search.trials}
    assert [row.name for row in report.rows if row.baseline] == ["fp32"]
    assert {row.name for row in report.rows} <= {"as-given", "fp32"} | tried
    assert all(row.status == "measured" and row.images == 10 for row in report.rows)


def test_a_search_that_was_killed_goes_on_where_it_was(tiny, asked, tmp_path, monkeypatch, counted):
    options = asked(tmp_path / "out", {"cache": tmp_path / "cache"})
    right, tried = Bench.attempt, []

    def killed(self, *args):
        if len(tried) == 2:
            raise KeyboardInterrupt
        tried.append(args)
        return right(self, *args)

    with monkeypatch.context() as patch:
        patch.setattr(Bench, "attempt", killed)
        with pytest.raises(KeyboardInterrupt):
            tune(tiny.model, options)
    before = list(counted)
    counted.clear()

    report = tune(tiny.model, options).report

    assert len(before) == report.search.remembered == 2
    assert len(counted) == len(report.search.trials) - 2
    assert beside(tmp_path / "out") == {"out", "cache"}


def test_a_budget_of_nothing_is_kept_by_what_is_shipped(tiny, asked, tmp_path):
    result = tune(tiny.model, asked(tmp_path / "out", {"map_drop_points_max": 0.0}))

    search = result.report.search
    assert search.met
    assert search.choice.map_drop_points <= 0
    assert (tmp_path / "out/artifact/model.onnx").is_file()


def test_what_cannot_be_kept_is_told_and_the_nearest_is_written(tiny, world, asked, tmp_path):
    strict = tmp_path / "strict.yaml"
    strict.write_text((world / "every.yaml").read_text() + "gates: {p90_ms_max: 1.0e-6}\n")

    result = tune(tiny.model, asked(tmp_path / "out", {"target": str(strict)}))

    assert not result.report.search.met
    assert "found nothing that" in result.missed[-1]
    assert "takes at most 1e-06 ms (p90) on the search images" in result.missed[-1]
    assert (tmp_path / "out/artifact/model.onnx").is_file()


def test_images_in_two_sets_are_refused_and_the_previous_folder_stays(tiny, asked, out, tmp_path):
    previous = tmp_path / "out"
    shutil.copytree(out, previous)
    before = content(previous)

    with pytest.raises(ConfigError, match=r"calibration images are also search .*--allow-overlap"):
        tune(tiny.model, asked(previous, search=str(tiny.calib)))

    assert content(previous) == before


def test_a_target_that_quantizes_nothing_is_refused(tiny, asked, tmp_path):
    options = asked(tmp_path / "out", {"target": "ort-cpu-fp32"})

    with pytest.raises(ConfigError, match="expected one in INT8"):
        tune(tiny.model, options)
    assert list(tmp_path.iterdir()) == []


def test_a_device_that_is_not_here_cannot_be_searched_for(tiny, asked, tmp_path, monkeypatch):
    monkeypatch.setattr(place, "is_here", lambda device: False)

    with pytest.raises(MissingError, match="A search needs times of"):
        tune(tiny.model, asked(tmp_path / "out"))


def test_without_a_cache_nothing_is_remembered():
    assert module._journal_path(None, None) is None


@pytest.fixture(scope="module")
def any_size(world):
    """A detector that takes images of any size: raw maps, nothing in it counts places."""
    _, model = yolov8_raw(3, joined=False)
    for dim, name in zip(model.graph.input[0].type.tensor_type.shape.dim[2:], "hw", strict=True):
        dim.dim_param = name
    del model.graph.value_info[:]
    for output in model.graph.output:
        output.type.tensor_type.ClearField("shape")
    onnx.helper.set_model_props(model, {"names": str(dict(enumerate(NAMES)))})
    path = world / "any-size.onnx"
    onnx.save(model, path)
    return path


def test_every_size_is_searched_and_fp32_of_another_size_can_be_shipped(
    any_size, asked, tmp_path, monkeypatch
):
    def choose(trials, need):
        assert need.map_drop_points == 100
        return next(trial for trial in trials if trial.name == "fp32-128")

    monkeypatch.setattr(outcome, "choose", choose)
    budget = {"map_drop_points_max": 100.0}

    found = tune(any_size, asked(tmp_path / "out", budget, sizes=(64, 128), evaluations=3))

    trials = [(trial.name, trial.input_hw) for trial in found.report.search.trials]
    small = [("fp32", (64, 64)), ("int8-64", (64, 64)), ("mixed-64-2", (64, 64))]
    large = [("fp32-128", (128, 128)), ("int8-128", (128, 128)), ("mixed-128-2", (128, 128))]
    assert trials == small + large
    assert {row.status for row in found.report.rows} == {"measured"}
    shape = onnx.load(tmp_path / "out/artifact/model.onnx").graph.input[0].type.tensor_type.shape
    assert [dim.dim_value for dim in shape.dim] == [1, 128, 128, 3]


def test_a_search_runs_on_openvino_too(tiny, world, asked, tmp_path):
    recipe = tmp_path / "openvino.yaml"
    recipe.write_text(
        (world / "every.yaml").read_text().replace("backend: onnxruntime", "backend: openvino")
    )

    report = tune(tiny.model, asked(tmp_path / "out", {"target": str(recipe)})).report

    assert {(row.backend, row.status) for row in report.rows} == {("openvino", "measured")}
    fp32, converted, whole = report.search.trials[:3]
    assert [trial.name for trial in (fp32, converted, whole)] == ["fp32", "mixed-64-1", "int8-64"]
    assert converted.layers_float == 6  # the last layers, which a search may put into INT8
    assert report.search.layers == 9
    manifest, model = read_artifact(tmp_path / "out")
    assert (manifest.backend, model.name) == ("openvino", "model.xml")
    assert manifest.precision == report.row(report.search.chosen).precision
