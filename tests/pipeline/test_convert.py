import json

import cv2
import onnx
import pytest

from edgekit.config.device import detect_host
from edgekit.errors import ConfigError, StageError, UnknownNameError
from edgekit.measure.preprocess_probe import ProbedVariant, ProbeResult
from edgekit.pipeline import convert as module
from edgekit.pipeline import place
from edgekit.pipeline.convert import convert, open_job
from edgekit.protocols import silent
from edgekit.report.json_file import read_report
from edgekit.values import Interval

FILES = {"artifact", "edgekit.lock", "plots"} | {
    f"report.{e}" for e in ("csv", "html", "json", "md")
}


def content(folder):
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def beside(folder):
    return {p.name for p in folder.parent.iterdir()}


def moved(labels, path):
    """Write ``labels`` with every box where there is nothing."""
    content = json.loads(labels.read_text())
    for annotation in content["annotations"]:
        annotation["bbox"] = [0.5, 0.5, 1.5, 1.5]
    path.write_text(json.dumps(content))
    return path


def test_a_conversion_writes_every_file_and_nothing_beside(out):
    assert {p.name for p in out.iterdir()} == FILES
    assert {p.name for p in (out / "artifact").iterdir()} == {"model.onnx", "manifest.json"}
    onnx.checker.check_model(onnx.load(out / "artifact/model.onnx"), full_check=True)
    assert beside(out) == {out.name}


def test_the_rows_are_the_users_file_and_both_precisions(out):
    given, fp32, int8 = read_report(out / "report.json").rows

    assert [given.name, fp32.name, int8.name] == ["as-given", "fp32", "int8"]
    assert [r.baseline for r in (given, fp32, int8)] == [False, True, False]
    assert all(r.status == "measured" and r.latency_ms.runs == 10 for r in (given, fp32, int8))
    assert (given.speedup, fp32.speedup) == (given.speedup, None)
    assert int8.speedup > 0


def test_the_labels_that_are_the_models_own_detections_are_all_found(out):
    given, fp32, int8 = read_report(out / "report.json").rows

    assert given.map == pytest.approx(1, abs=0.01)
    assert fp32.map == pytest.approx(given.map, abs=0.01)
    assert given.agreement == pytest.approx(1, abs=0.01)
    assert int8.agreement > 0.5
    assert int8.map_drop_points == pytest.approx(100 * (fp32.map - int8.map), abs=1e-6)
    assert int8.map_drop_ci95[0] <= int8.map_drop_points <= int8.map_drop_ci95[1]


def test_every_convolution_is_counted_and_each_in_float_has_its_reason(out):
    coverage = read_report(out / "report.json").row("int8").coverage

    assert coverage.convs_int8 >= 3
    assert coverage.convs_int8 + coverage.convs_float == 9
    assert len(coverage.left_float) == coverage.convs_float
    assert all(conv.reason for conv in coverage.left_float)
    left = sum(conv.mac_share for conv in coverage.left_float)
    assert coverage.mac_share_int8 == pytest.approx(1 - left)


def test_a_float_target_needs_no_calibration_images(tiny, tmp_path):
    result = convert(
        tiny.model,
        tiny.options(tmp_path / "out", target="ort-cpu-fp32", calib=None, evaluation=None),
    )

    assert [r.name for r in result.report.rows] == ["as-given", "fp32"]
    assert result.report.calibration is None
    assert result.missed == ()
    assert all(r.map is None and r.agreement is None for r in result.report.rows)


def test_a_recipe_may_ask_for_an_older_opset_in_both_precisions(tiny, tmp_path, monkeypatch):
    recipe = tmp_path / "older.yaml"
    recipe.write_text("extends: ort-cpu-int8\nopset: 13\n")
    proven, prove = [], module.prove_parity
    monkeypatch.setattr(
        module, "prove_parity", lambda *graphs: proven.append(graphs) or prove(*graphs)
    )

    report = convert(tiny.model, tiny.options(tmp_path / "out", target=str(recipe))).report

    model = onnx.load(tmp_path / "out/artifact/model.onnx")
    assert (model.opset_import[0].version, model.ir_version) == (13, 7)
    assert [graph.model.opset_imports[""] for graph in proven[0][:2]] == [17, 13]
    assert report.row("int8").agreement > 0.5


def test_the_network_keeps_its_opset_where_no_recipe_asks(out):
    assert onnx.load(out / "artifact/model.onnx").opset_import[0].version == 17


def test_images_without_labels_give_agreement_and_no_map(tiny, tmp_path):
    images = str(tiny.labels.parent / "images")

    report = convert(tiny.model, tiny.options(tmp_path / "out", evaluation=images)).report

    assert [r.map for r in report.rows] == [None, None, None]
    assert report.row("int8").agreement > 0.5
    assert report.row("fp32").agreement is None


def test_a_missed_budget_is_told_and_the_artifact_is_written_all_the_same(tiny, tmp_path):
    strict = tmp_path / "strict.yaml"
    strict.write_text(
        "{version: 1, extends: ort-cpu-int8, summary: Fast., gates: {p90_ms_max: 1.0e-6}}"
    )

    result = convert(tiny.model, tiny.options(tmp_path / "out", target=str(strict)))

    assert "more than 1e-06" in " ".join(result.missed)
    assert result.report.verdict.ship != "int8"
    assert (tmp_path / "out/artifact/model.onnx").is_file()


def test_a_stage_that_fails_leaves_the_previous_folder_whole(tiny, tmp_path, monkeypatch):
    out = tmp_path / "out"
    convert(tiny.model, tiny.options(out, target="ort-cpu-fp32", evaluation=None))
    before = content(out)

    def fail(*args):
        raise StageError("the disk is on fire")

    monkeypatch.setattr(module, "write_result", fail)
    with pytest.raises(StageError, match="on fire"):
        convert(tiny.model, tiny.options(out))

    assert content(out) == before
    assert beside(out) == {"out"}


@pytest.mark.parametrize(
    ("target", "stage"),
    [
        ("ort-cpu-fp32", "_float_network"),
        ("ort-cpu-int8", "_quantize"),
        ("ort-cuda-fp16", "halve_network"),
    ],
)
def test_a_network_that_onnx_refuses_is_never_written(tiny, tmp_path, monkeypatch, target, stage):
    right = getattr(module, stage)

    def broken(*args):
        made = right(*args)
        graph = getattr(made, "graph", made)
        next(iter(graph.model.graph)).op_type = "Unheard"
        return made

    monkeypatch.setattr(module, stage, broken)

    with pytest.raises(StageError, match=rf"^{target[-4:]}\.onnx was not .*Unheard"):
        convert(tiny.model, tiny.options(tmp_path / "out", target=target, evaluation=None))
    assert list(tmp_path.iterdir()) == []


def test_a_second_conversion_replaces_the_first(tiny, tmp_path):
    out = tmp_path / "out"
    convert(tiny.model, tiny.options(out, evaluation=None))
    (out / "artifact/left.txt").write_text("from before")

    convert(tiny.model, tiny.options(out, target="ort-cpu-fp32", evaluation=None))

    assert not (out / "artifact/left.txt").exists()
    assert [r.name for r in read_report(out / "report.json").rows] == ["as-given", "fp32"]
    assert beside(out) == {"out"}


def test_a_model_that_finds_nothing_stops_with_what_to_check(tiny, tmp_path):
    wrong = moved(tiny.labels, tiny.labels.parent / "moved.json")

    with pytest.raises(ConfigError, match=r"mAP 0\.00.*--preprocess.*--head.*--force"):
        convert(tiny.model, tiny.options(tmp_path / "out", evaluation=str(wrong)))

    assert beside(tmp_path / "out") == set()


def test_force_goes_on_with_a_model_that_finds_nothing(tiny, tmp_path):
    wrong = moved(tiny.labels, tiny.labels.parent / "forced.json")

    options = tiny.options(tmp_path / "out", evaluation=str(wrong), force=True)

    assert convert(tiny.model, options).report.row("fp32").map < 0.01


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"target": "ort-cpu-int9"}, "Did you mean 'ort-cpu-int8'"),
        ({"device": "hosst"}, "Did you mean 'host'"),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest(tiny, tmp_path, change, message):
    with pytest.raises(UnknownNameError, match=message):
        open_job(tiny.model, tiny.options(tmp_path / "out", **change))


@pytest.mark.data
@pytest.mark.slow
def test_yolov8n_keeps_its_detections_in_int8(data_dir, tiny, tmp_path):
    few = tmp_path / "few"
    few.mkdir()
    for path in sorted((data_dir / "coco-val-mini/images").iterdir())[:10]:
        (few / path.name).symlink_to(path)
    calib = tmp_path / "calib"
    calib.mkdir()
    for path in sorted((data_dir / "coco-train-mini/images").iterdir())[:32]:
        (calib / path.name).symlink_to(path)
    options = tiny.options(tmp_path / "out", calib=str(calib), evaluation=str(few))

    report = convert(data_dir / "models/yolov8n.onnx", options).report

    assert report.row("as-given").agreement == pytest.approx(1, abs=0.01)
    assert report.row("int8").agreement > 0.8
    assert report.row("int8").coverage.mac_share_int8 >= 0.9
    assert report.row("int8").size_bytes < 0.4 * report.row("fp32").size_bytes
    drawn = (tmp_path / "out/report.html").read_text(encoding="utf-8")
    assert cv2.imread(str(next(few.iterdir()))) is not None
    assert "data:image/jpeg" in drawn


def test_on_another_device_rows_are_simulated_and_the_verdict_names_a_candidate(
    tiny, tmp_path, monkeypatch
):
    monkeypatch.setattr(place, "is_here", lambda device: False)

    report = convert(tiny.model, tiny.options(tmp_path / "out")).report

    run = [row for row in report.rows if row.status != "estimated"]
    assert {row.status for row in run} == {"simulated"}
    assert all(row.latency_ms is None and "no time is that" in row.reason for row in run)
    assert report.row("int8").agreement is not None
    assert [r.name for r in report.rows if r.estimate] == ["fp32-estimate", "int8-estimate"]
    assert (report.verdict.ship, report.verdict.candidate) == (None, "int8")


def test_every_row_runs_with_the_threads_of_the_device(out):
    threads = detect_host().threads

    settings = {row.latency_ms.settings for row in read_report(out / "report.json").rows}

    assert [f"threads={threads}," in s for s in settings] == [True]


@pytest.mark.parametrize(("lucky", "told"), [(True, False), (False, True)])
def test_other_preprocessing_is_named_only_when_more_images_confirm_it(
    tiny, tmp_path, monkeypatch, lucky, told
):
    better = Interval(3.0, 1.0, 5.0)

    def probed(*args, limit, **_):
        gain = better if limit == module.PROBED_IMAGES or not lucky else Interval(0.5, -1.0, 2.0)
        variant = ProbedVariant("color bgr", args[0].preprocess, 0.5, gain)
        return ProbeResult(0.4, limit, (variant,))

    monkeypatch.setattr(module, "probe", probed)
    job = open_job(tiny.model, tiny.options(tmp_path / "out"))

    warning = module.check_preprocessing(job, silent)

    assert (warning is not None) is told
    if told:
        assert f"on {module.CONFIRMING_IMAGES} images" in warning
