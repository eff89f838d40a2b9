import pytest

from edgekit.config.recipe import find_recipe
from edgekit.errors import ConfigError
from edgekit.pipeline.convert import convert
from edgekit.pipeline.opened import open_detector
from edgekit.pipeline.options import ModelOptions
from edgekit.tune.options import TuneOptions
from edgekit.tune.tune import tune

TARGET = "openvino-cpu-int8-nncf"


@pytest.fixture(scope="module")
def converted(tiny, tmp_path_factory):
    out = tmp_path_factory.mktemp("nncf") / "out"
    return out, convert(tiny.model, tiny.options(out, target=TARGET)).report


def test_nncf_quantizes_within_the_scope_that_edgekit_finds(converted):
    row = converted[1].row("int8")

    assert (row.status, row.backend) == ("measured", "openvino")
    assert row.coverage.convs_int8 >= 1
    assert row.coverage.left_float
    assert all(
        "the decode" in node.reason or "dB" in node.reason for node in row.coverage.left_float
    )
    assert row.agreement > 0.5


def test_the_artifact_is_openvinos_and_runs(converted):
    opened = open_detector(converted[0], ModelOptions(), "mine")

    assert opened.candidate.backend.name == "openvino"
    assert opened.precision == "int8"
    with opened.candidate.backend.open(opened.candidate.model) as session:
        assert session.inputs[0].dtype == "uint8"


def test_other_runtimes_do_not_read_what_nncf_writes(tmp_path):
    path = tmp_path / "wrong.yaml"
    path.write_text("extends: openvino-cpu-int8-nncf\nbackend: onnxruntime\n", encoding="utf-8")

    with pytest.raises(ConfigError, match="'nncf' writes networks for OpenVINO"):
        find_recipe(str(path))


def test_a_search_is_over_edgekits_own_encodings(tiny, tmp_path):
    options = TuneOptions(convert=tiny.options(tmp_path / "out", target=TARGET))

    with pytest.raises(ConfigError, match=r"quantizes by NNCF.*--target openvino-cpu-int8"):
        tune(tiny.model, options)
