import csv
import json

import pytest

from edgekit.cli.sensitivity import requested
from edgekit.errors import ConfigError
from edgekit.pipeline.options import ModelOptions


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    """A recipe that leaves no layer of random weights in float."""
    path = tmp_path_factory.mktemp("recipe") / "every.yaml"
    path.write_text(
        "version: 1\nsummary: Every layer.\ndevice: host\nbackend: onnxruntime\n"
        "precision: {kind: int8, noise_limit_db: -1000, calibration: {count: 8}}\n"
    )
    return path


@pytest.fixture(scope="module")
def asked(tiny, recipe):
    return "inspect", tiny.model, "--target", recipe, "--sensitivity", "--calib", tiny.calib


def test_layers_are_ranked_in_a_table_in_json_and_in_files(edgekit, asked, tmp_path):
    ended = edgekit(*asked, "--out", tmp_path / "a" / "out")
    (whole,) = json.loads(edgekit(*asked, "--json").stdout)

    assert ended.code == 0
    found = whole["sensitivity"]
    names = [row["layer"] for row in found["layers"]]
    places = [
        ended.stdout.index(f"\n{name} ", ended.stdout.index("damage alone")) for name in names
    ]
    assert places == sorted(places)
    assert "draws of images rank the layers" in ended.stdout
    assert json.loads((tmp_path / "a/out/sensitivity.json").read_text()) == found
    rows = list(csv.DictReader((tmp_path / "a/out/sensitivity.csv").read_text().splitlines()))
    assert [row["layer"] for row in rows] == names
    assert float(rows[0]["damage_high"]) == found["layers"][0]["damage"]["high"]
    assert all(name in (tmp_path / "a/out/sensitivity.svg").read_text() for name in names)


def test_agreement_is_a_column_where_it_was_asked_for(edgekit, asked):
    assert "agreement" in edgekit(*asked, "--draws", "1", "--agreement").stdout
    assert "agreement" not in edgekit(*asked, "--draws", "1").stdout


def test_a_folder_that_cannot_be_written_is_named(edgekit, asked, tmp_path):
    (tmp_path / "file").write_text("")

    ended = edgekit(*asked, "--draws", "1", "--out", tmp_path / "file")

    assert (ended.code, ended.stdout) == (2, "")
    assert "Cannot write into" in ended.stderr


@pytest.mark.parametrize(
    ("target", "calib", "missing"),
    [(None, "images", "--target is missing"), ("ort-cpu-int8", None, "--calib is missing")],
)
def test_what_is_missing_is_said_with_the_command_to_type(target, calib, missing):
    with pytest.raises(ConfigError, match=f"{missing}.*edgekit inspect MODEL --target"):
        requested(True, target, calib, ModelOptions())


def test_nothing_is_ranked_unless_asked():
    assert requested(False, None, None, ModelOptions()) is None


def test_a_float_target_is_refused(edgekit, tiny):
    ended = edgekit(
        "inspect", tiny.model, "--target", "ort-cpu-fp32", "--sensitivity", "--calib", tiny.calib
    )

    assert ended.code == 2
    assert "--target ort-cpu-fp32 is in float" in ended.stderr
