from __future__ import annotations

import json
import xml.etree.ElementTree as ET

import pytest

from edgekit.config.device import find_device
from edgekit.errors import ConfigError
from edgekit.quantize.rules import OPENVINO_X86, ORT_X86
from edgekit.tune import rank_layers as module
from edgekit.tune.rank_layers import RankOptions, as_csv, as_json, rank_layers, write_sensitivity
from edgekit.tune.sensitivity import LayerSensitivity, Repeatability, Sensitivity
from edgekit.values import Interval

EXACT = Interval(0.125, 0.0625, 0.25)
FOUND = Sensitivity(
    layers=(
        LayerSensitivity("first", 3, 0.5, EXACT, EXACT, 20.0, 10.0),
        LayerSensitivity("second, odd", 1, 0.25, EXACT, EXACT, 30.0, 9.0, 0.75, 0.5),
    ),
    whole_damage=EXACT,
    whole_sqnr_db=8.0,
    whole_agreement=None,
    repeatability=Repeatability(2, 0.5, 0.25, 0.5),
    images=4,
)


def test_a_line_of_csv_has_the_ends_of_every_interval():
    names, first, second = as_csv(FOUND).splitlines()

    assert names.startswith("rank,layer,nodes,mac_share,damage,damage_low,damage_high,relief,")
    assert first == "1,first,3,0.5,0.125,0.0625,0.25,0.125,0.0625,0.25,20.0,10.0,,"
    assert second.startswith('2,"second, odd",')


def test_json_holds_everything_and_whether_it_would_come_again():
    document = json.loads(json.dumps(as_json(FOUND)))

    assert document["layers"][1]["agreement"] == 0.75
    assert document["layers"][0]["damage"] == {"value": 0.125, "low": 0.0625, "high": 0.25}
    assert document["repeatability"]["repeatable"] is False


def test_files_are_written_again_over_those_of_before(tmp_path):
    for _ in range(2):
        write_sensitivity(FOUND, tmp_path / "out")

    assert {p.name for p in (tmp_path / "out").iterdir()} == {
        "sensitivity.csv",
        "sensitivity.json",
        "sensitivity.svg",
    }
    assert "first" in "".join(ET.parse(tmp_path / "out/sensitivity.svg").getroot().itertext())


def test_what_nncf_encodes_is_not_ranked(tiny):
    with pytest.raises(ConfigError, match=r"quantizes by NNCF.*--target openvino-cpu-int8\."):
        rank_layers(tiny.model, RankOptions("openvino-cpu-int8-nncf", str(tiny.calib)))


def test_a_target_in_float_has_nothing_to_rank(tiny):
    with pytest.raises(ConfigError, match="edgekit targets"):
        rank_layers(tiny.model, RankOptions("ort-cpu-fp32", str(tiny.calib)))


@pytest.mark.parametrize(
    ("target", "rules"), [("ort-cpu-int8", ORT_X86), ("openvino-cpu-int8", OPENVINO_X86)]
)
def test_layers_are_quantized_as_the_runtime_of_the_target_runs_them(
    tiny, monkeypatch, target, rules
):
    asked = []

    def measured(network, images, options, how, progress):
        asked.append((options.rules, options.weight_rule))
        return FOUND

    monkeypatch.setattr(module, "measure_sensitivity", measured)

    assert rank_layers(tiny.model, RankOptions(target, str(tiny.calib))) is FOUND
    assert asked == [(rules, "full" if find_device("host").exact_u8s8 else rules.pairs)]


@pytest.mark.parametrize(
    ("repeatability", "words"),
    [
        (Repeatability(1, None, None, None), "was not tried"),
        (Repeatability(2, 0.5, 0.25, 0.5), "Not repeatable: 2 draws"),
        (Repeatability(3, 0.9, 0.75, 0.8), "Repeatable: 3 draws"),
    ],
)
def test_whether_a_ranking_would_come_again_is_said_in_words(repeatability, words):
    assert words in repeatability.sentence
