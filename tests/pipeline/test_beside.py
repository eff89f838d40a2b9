from pathlib import Path

import pytest

from edgekit.config.calibration import open_source
from edgekit.errors import ConfigError, MissingExtraError, StageError
from edgekit.measure.accuracy import detect_all
from edgekit.pipeline import beside
from edgekit.pipeline import convert as convert_module
from edgekit.pipeline.convert import convert
from edgekit.pipeline.opened import open_detector
from edgekit.pipeline.options import ModelOptions
from edgekit.pipeline.place import find_place
from edgekit.report.schema import Verdict
from edgekit.tune.options import TuneOptions
from edgekit.tune.tune import tune


@pytest.fixture
def recipe(tmp_path):
    """A recipe that measures OpenVINO beside ONNX Runtime."""
    path = tmp_path / "both.yaml"
    path.write_text("extends: ort-cpu-int8\nbeside: [openvino-cpu-int8]\n", encoding="utf-8")
    return str(path)


def test_the_rows_of_both_runtimes_stand_in_one_report_and_one_is_shipped(tiny, tmp_path, recipe):
    report = convert(tiny.model, tiny.options(tmp_path / "out", target=recipe)).report

    names = {"as-given", "fp32", "int8", "openvino-fp32", "openvino-int8"}
    assert {row.name for row in report.rows} == names
    assert {row.status for row in report.rows} == {"measured"}
    runtimes = {row.name: row.backend for row in report.rows}
    assert runtimes["fp32"] == runtimes["int8"] == "onnxruntime"
    assert runtimes["openvino-fp32"] == runtimes["openvino-int8"] == "openvino"
    assert {row.name for row in report.rows if row.baseline} == {"fp32", "openvino-fp32"}
    assert report.rows[-1].name in {report.verdict.ship, "fp32"}  # never the file as given
    artifact = open_detector(tmp_path / "out", ModelOptions(), "mine")
    assert artifact.candidate.backend.name == runtimes[report.rows[-1].name]
    assert detect_all(artifact.candidate, open_source(str(tiny.calib))).boxes


@pytest.mark.parametrize("name", ["as-given", "fp32", "int8", "openvino-fp32", "openvino-int8"])
def test_whichever_row_is_shipped_its_artifact_runs(tiny, tmp_path, recipe, monkeypatch, name):
    known = beside.decide

    def decide(rows, budget, paired):
        return known(rows, budget, paired).model_copy(update={"ship": name})

    monkeypatch.setattr(beside, "decide", decide)

    report = convert(tiny.model, tiny.options(tmp_path / "out", target=recipe)).report

    shipped = "fp32" if name == "as-given" else name
    assert report.verdict.ship == name
    assert report.rows[-1].name == shipped
    artifact = open_detector(tmp_path / "out", ModelOptions(), "mine")
    assert artifact.candidate.backend.name == report.row(shipped).backend
    assert artifact.precision == report.row(shipped).precision
    assert detect_all(artifact.candidate, open_source(str(tiny.calib))).boxes


def test_whichever_runtime_is_shipped_the_gates_asked_for_hold(tiny, tmp_path, recipe, monkeypatch):
    with Path(recipe).open("a", encoding="utf-8") as file:
        file.write("gates: {p90_ms_max: 0.00001}\n")
    ship = lambda *_: Verdict(ship="openvino-int8", because="it was said so")  # noqa: E731
    monkeypatch.setattr(beside, "decide", ship)

    found = convert(tiny.model, tiny.options(tmp_path / "out", target=recipe))

    assert found.report.rows[-1].name == "openvino-int8"
    assert "more than 1e-05" in found.missed[0]


def test_both_runtimes_find_the_same_in_fp32(tiny, tmp_path, recipe):
    report = convert(tiny.model, tiny.options(tmp_path / "out", target=recipe)).report

    other = report.row("openvino-fp32")
    assert other.agreement == pytest.approx(1.0, abs=1e-6)
    assert other.map == pytest.approx(report.row("fp32").map, abs=1e-3)


def test_a_runtime_that_is_not_installed_is_left_out_with_a_word(
    tiny, tmp_path, recipe, monkeypatch
):
    def only_one(asked, target, device):
        if asked.backend == "openvino":
            raise MissingExtraError("install it")
        return find_place(asked, target, device)

    monkeypatch.setattr(beside, "find_place", only_one)

    report = convert(tiny.model, tiny.options(tmp_path / "out", target=recipe)).report

    assert [row.name for row in report.rows] == ["as-given", "fp32", "int8"]
    assert any("openvino was not measured beside it: install it" in w for w in report.warnings)


def test_a_runtime_that_cannot_run_the_network_is_left_out_with_a_word(
    tiny, tmp_path, recipe, monkeypatch
):
    def refuse(model, path, *, halved=False):
        raise StageError("OpenVINO cannot read the network: no Gelu")

    monkeypatch.setattr(convert_module, "write_ir", refuse)

    report = convert(tiny.model, tiny.options(tmp_path / "out", target=recipe)).report

    assert {row.backend for row in report.rows} == {"onnxruntime"}
    assert any("openvino was not measured beside it: OpenVINO cannot" in w for w in report.warnings)


def test_one_that_was_asked_for_has_to_run_it(tiny, tmp_path, monkeypatch):
    def refuse(model, path, *, halved=False):
        raise StageError("OpenVINO cannot read the network: no Gelu")

    monkeypatch.setattr(convert_module, "write_ir", refuse)

    with pytest.raises(StageError, match="no Gelu"):
        convert(tiny.model, tiny.options(tmp_path / "out", target="openvino-cpu-fp32"))


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ("ort-cpu-int8", "a runtime each"),
        ("openvino-npu-int8", "the device 'host'"),
        ("openvino-cpu-fp32", "precision int8"),
    ],
)
def test_recipes_beside_each_other_differ_in_the_runtime_alone(tiny, tmp_path, other, words):
    path = tmp_path / "twice.yaml"
    path.write_text(f"extends: ort-cpu-int8\nbeside: [{other}]\n", encoding="utf-8")

    with pytest.raises(
        ConfigError, match=f"'beside': expected recipes for {words}, found '{other}"
    ):
        convert(tiny.model, tiny.options(tmp_path / "out", target=str(path)))


def test_a_search_asks_for_one_of_them(tiny, tmp_path, recipe):
    options = TuneOptions(convert=tiny.options(tmp_path / "out", target=recipe))

    with pytest.raises(ConfigError, match="of: ort-cpu-int8, openvino-cpu-int8"):
        tune(tiny.model, options)
