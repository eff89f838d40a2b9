import pytest

from edgekit.errors import ConfigError, MissingExtraError, StageError
from edgekit.pipeline import beside
from edgekit.pipeline import convert as convert_module
from edgekit.pipeline.convert import convert
from edgekit.pipeline.opened import open_detector
from edgekit.pipeline.options import ModelOptions
from edgekit.pipeline.place import find_place
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
    assert [row.name for row in report.rows if row.baseline] == ["fp32", "openvino-fp32"]
    assert report.rows[-1].name == report.verdict.ship
    artifact = open_detector(tmp_path / "out", ModelOptions(), "mine")
    assert artifact.candidate.backend.name == runtimes[report.verdict.ship]


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
    assert any(
        "openvino-cpu-int8 was not measured beside it: install it" in w for w in report.warnings
    )


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


def test_recipes_beside_each_other_are_for_a_runtime_each(tiny, tmp_path):
    path = tmp_path / "twice.yaml"
    path.write_text("extends: ort-cpu-int8\nbeside: [ort-cpu-fp32]\n", encoding="utf-8")

    with pytest.raises(ConfigError, match=r"'beside'.*found 'ort-cpu-fp32' for onnx"):
        convert(tiny.model, tiny.options(tmp_path / "out", target=str(path)))


def test_a_search_asks_for_one_of_them(tiny, tmp_path, recipe):
    options = TuneOptions(convert=tiny.options(tmp_path / "out", target=recipe))

    with pytest.raises(ConfigError, match="of: ort-cpu-int8, openvino-cpu-int8"):
        tune(tiny.model, options)
