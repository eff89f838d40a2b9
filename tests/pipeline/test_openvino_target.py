"""Whole conversions for OpenVINO."""

import json
import shutil
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from edgekit.backends.artifact import read_artifact
from edgekit.backends.openvino import OpenVino
from edgekit.config.device import detect_host
from edgekit.errors import ConfigError, StageError
from edgekit.images.overlap import file_sha256
from edgekit.measure.accuracy import detect_all
from edgekit.pipeline import convert as conversion
from edgekit.pipeline import place
from edgekit.pipeline.convert import convert
from edgekit.pipeline.opened import open_detector
from edgekit.pipeline.options import ModelOptions
from edgekit.pipeline.run import run

USUAL = ModelOptions()
FILES = {"model.xml", "model.bin", "manifest.json"}
NO_NPU = "OpenVINO finds no NPU on this desk"


@pytest.fixture(scope="module")
def converted(tiny, tmp_path_factory):
    """Return ``make(target)``: what a conversion wrote and measured; each target once."""
    made = {}

    def make(target, **changes):
        if target not in made:
            folder = tmp_path_factory.mktemp(target) / "out"
            made[target] = folder, *told(tiny, tiny.options(folder, target=target, **changes))
        return made[target]

    return make


def told(tiny, options):
    """The report of a conversion, and its scores by name."""
    kept, write = [], conversion.write_result
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            conversion, "write_result", lambda *given: kept.append(given[2]) or write(*given)
        )
        report = convert(tiny.model, options).report
    return report, kept[0].scores


@pytest.fixture(scope="module")
def int8(converted):
    return converted("openvino-cpu-int8")


@pytest.fixture(scope="module")
def fp32(converted):
    return converted("openvino-cpu-fp32", calib=None)


@pytest.fixture(scope="module")
def npu(converted):
    """A conversion for an NPU where there is none."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(place, "absence", lambda name: NO_NPU)
        return converted("openvino-npu-int8")


@pytest.fixture
def processor(monkeypatch):
    """Return ``has(*capabilities)``: what the CPU computes in, as OpenVINO tells."""

    def has(*capabilities):
        monkeypatch.setattr(place, "capabilities_of", {"CPU": capabilities}.__getitem__)

    return has


def require_same(wanted, found, pixels):
    """Make sure each sure detection of ``wanted`` is in ``found``, to so many pixels."""
    compared = 0
    for image, boxes in wanted.boxes.items():
        others = found.boxes[image]
        for xyxy, score, label in zip(boxes.xyxy, boxes.scores, boxes.classes, strict=True):
            if score > 0.25:
                far = np.abs(others.xyxy - xyxy).max(axis=1) + 1e3 * (others.classes != label)
                assert far.min() < pixels
                assert others.scores[far.argmin()] == pytest.approx(score, abs=1e-3)
                compared += 1
    assert compared > 10


def test_the_artifact_is_the_model_its_weights_and_how_to_run_it(int8):
    out, report, _ = int8
    manifest, model = read_artifact(out)
    lock = json.loads((out / "edgekit.lock").read_text())

    assert {path.name for path in (out / "artifact").iterdir()} == FILES
    assert (manifest.backend, manifest.provider, manifest.precision) == ("openvino", "cpu", "int8")
    assert manifest.weights_sha256 == file_sha256(out / "artifact/model.bin")
    assert lock["recipe"]["backend"] == "openvino"
    assert lock["artifact_sha256"] == manifest.sha256 == file_sha256(model)
    sizes = [(out / "artifact" / name).stat().st_size for name in ("model.xml", "model.bin")]
    assert report.row("int8").size_bytes == sum(sizes)


def test_every_row_is_measured_on_openvino_and_int8_finds_what_fp32_finds(int8):
    rows = int8[1].rows

    assert [row.name for row in rows] == ["as-given", "fp32", "int8"]
    assert {(row.backend, row.status) for row in rows} == {("openvino", "measured")}
    assert all(row.latency_ms.runs == 10 for row in rows)
    assert rows[0].agreement == pytest.approx(1, abs=0.01)
    assert rows[2].agreement > 0.9
    assert rows[2].map_drop_points < 5


def test_it_tells_which_layers_ran_in_int8(int8):
    coverage = int8[1].row("int8").coverage

    assert coverage.convs_int8 == 3
    assert coverage.convs_int8 + coverage.convs_float == 9
    assert {conv.reason.partition(":")[0] for conv in coverage.left_float} == {
        "last layer before the decode"
    }
    assert coverage.operators["Convolution"] == 9


def test_its_weights_are_stored_in_8_bits(int8):
    constants = [
        layer.find("data").get("element_type")
        for layer in ET.parse(int8[0] / "artifact/model.xml").iter("layer")
        if layer.get("type") == "Const"
    ]

    assert constants.count("i8") >= 3


def test_the_artifact_finds_what_was_measured(int8, scored):
    out, _, scores = int8

    opened = open_detector(out, USUAL, "mine")
    found = detect_all(opened.candidate, scored)

    assert opened.candidate.backend == OpenVino()
    assert opened.warnings == ()
    require_same(scores["int8"].found, found, pixels=0.01)


def test_it_runs_alone_wherever_it_is_moved(int8, tiny, tmp_path):
    shutil.copytree(int8[0] / "artifact", tmp_path / "moved")

    frames = list(run(tmp_path / "moved", str(tiny.calib), 0.25))

    assert len(frames) == 32
    assert sum(len(frame.boxes) for frame in frames) > 0


def test_it_does_not_run_without_its_weights(int8, tmp_path):
    shutil.copytree(int8[0] / "artifact", tmp_path / "moved")
    (tmp_path / "moved/model.bin").unlink()

    with pytest.raises(ConfigError, match=r"model\.bin: expected the model .* found no file"):
        open_detector(tmp_path / "moved", USUAL, "mine")


def test_in_float_it_finds_the_boxes_of_onnx_runtime(fp32, tiny, scored):
    mine = open_detector(fp32[0], USUAL, "mine")
    given = open_detector(tiny.model, USUAL, "given")

    found, wanted = (detect_all(opened.candidate, scored) for opened in (mine, given))

    assert (mine.candidate.backend.name, given.candidate.backend.name) == (
        "openvino",
        "onnxruntime",
    )
    require_same(wanted, found, pixels=0.05)
    assert fp32[1].verdict.ship in {"as-given", "fp32"}


def test_in_16_bits_the_weights_take_half_and_are_computed_with_so(
    fp32, tiny, scored, tmp_path, processor
):
    processor("FP32", "BF16")

    report = convert(
        tiny.model, tiny.options(tmp_path / "out", target="openvino-cpu-fp16", calib=None)
    ).report

    assert [(row.name, row.precision) for row in report.rows] == [
        ("as-given", "fp32"),
        ("fp32", "fp32"),
        ("bf16", "bf16"),
    ]
    assert report.row("bf16").status == "measured"
    assert report.row("bf16").agreement > 0.9
    sizes = [
        (folder / "artifact/model.bin").stat().st_size for folder in (tmp_path / "out", fp32[0])
    ]
    assert sizes[0] < 0.6 * sizes[1]
    opened = open_detector(tmp_path / "out", USUAL, "mine")
    assert opened.candidate.backend == OpenVino(arithmetic="bf16")
    assert len(detect_all(opened.candidate, scored).boxes) == 10


def test_a_processor_without_16_bits_loses_that_row_alone(tiny, tmp_path, processor):
    processor("FP32", "INT8")

    report = convert(
        tiny.model, tiny.options(tmp_path / "out", target="openvino-cpu-fp16", calib=None)
    ).report

    given, baseline, half = report.rows
    assert {given.status, baseline.status} == {"measured"}
    assert (half.name, half.precision, half.status) == ("fp16", "fp16", "not-run")
    assert half.reason == f"{detect_host().name} computes in no 16-bit floats on OpenVINO"
    assert (half.latency_ms, half.agreement) == (None, None)
    assert report.verdict.ship in {"as-given", "fp32"}
    assert {path.name for path in (tmp_path / "out/artifact").iterdir()} == FILES


def test_without_an_npu_rows_are_simulated_and_nothing_is_shipped(npu):
    out, report, _ = npu

    run = [row for row in report.rows if row.status != "estimated"]
    assert {(row.status, row.reason) for row in run} == {("simulated", NO_NPU)}
    assert all(row.latency_ms is None for row in report.rows)
    assert report.row("int8").agreement > 0.9
    assert (report.verdict.ship, report.verdict.candidate) == (None, "int8")
    assert {path.name for path in (out / "artifact").iterdir()} == FILES
    assert read_artifact(out)[0].provider == "npu"


def test_its_artifact_runs_with_a_word_on_a_cpu(npu, monkeypatch):
    monkeypatch.setattr(place, "absence", lambda name: NO_NPU)

    opened = open_detector(npu[0], USUAL, "mine")

    assert opened.candidate.backend.processor == "cpu"
    assert opened.warnings == (f"mine was made for an NPU and runs on the CPU here: {NO_NPU}.",)


def test_without_an_npu_its_16_bits_are_not_run(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(place, "absence", lambda name: NO_NPU)
    options = tiny.options(tmp_path / "out", target="openvino-npu-fp16", calib=None)

    report = convert(tiny.model, options).report

    statuses = [row.status for row in report.rows if row.estimate is None]
    assert statuses == ["simulated", "simulated", "not-run"]
    assert {row.reason for row in report.rows if row.estimate is None} == {NO_NPU}
    assert report.verdict.ship is None


def test_what_an_npu_refuses_is_told_before_anything_is_compiled(tiny, tmp_path, monkeypatch):
    refusal = "Node 'Unique_3' (Unique): the NPU's compiler has no such operator."
    monkeypatch.setattr(place, "absence", lambda name: NO_NPU)
    monkeypatch.setattr(conversion, "npu_refusals", lambda graph: (refusal,))
    compiled = []
    monkeypatch.setattr(OpenVino, "open", lambda *given: compiled.append(given))
    monkeypatch.setattr(conversion, "write_ir", lambda *given, **_: compiled.append(given))

    with pytest.raises(StageError, match=r"An NPU does not run this network\. Node 'Unique_3'"):
        convert(tiny.model, tiny.options(tmp_path / "out", target="openvino-npu-int8"))

    assert compiled == []
    assert list(tmp_path.iterdir()) == []
