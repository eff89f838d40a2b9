from dataclasses import replace
from pathlib import Path

import pytest

from edgekit.errors import ConfigError
from edgekit.pipeline.options import ConvertOptions, ModelOptions


@pytest.mark.parametrize("size_hw", [None, (1, 1), (8192, 8192)])
def test_an_input_of_a_size_that_memory_holds_is_taken(size_hw):
    assert ModelOptions(input_hw=size_hw).input_hw == size_hw


@pytest.mark.parametrize(
    ("size_hw", "found"), [((1_000_000, 640), 1_000_000), ((640, 8193), 8193), ((0, 640), 0)]
)
def test_an_input_that_no_memory_holds_is_refused(size_hw, found):
    with pytest.raises(ConfigError, match=f"--input-size: expected .*8192 pixels, found {found}"):
        ModelOptions(input_hw=size_hw)


def test_a_family_may_be_written_as_papers_do():
    options = ModelOptions(family="YOLOv8n")

    assert options.family == "yolov8n"
    assert replace(options, family="NanoDet-Plus-M").family == "nanodet-plus-m"
    assert ModelOptions().family is None


@pytest.mark.parametrize("allowed", [-0.5, float("nan")])
def test_a_budget_that_asks_for_a_gain_is_refused(allowed):
    with pytest.raises(ConfigError, match=r"--max-map-drop: expected .* 0 or more, found (-0|nan)"):
        ConvertOptions("ort-cpu-int8", Path("out"), map_drop_points_max=allowed)


def test_a_budget_of_nothing_is_one():
    assert ConvertOptions("a", Path("out"), map_drop_points_max=0).map_drop_points_max == 0
