from dataclasses import replace

import pytest

from edgekit.errors import ConfigError
from edgekit.pipeline.options import ModelOptions


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
