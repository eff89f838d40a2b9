from dataclasses import replace

import pytest

from edgekit.estimate.constants import CONSTANTS
from edgekit.estimate.rank import doubts, precisions_of, rank
from edgekit.estimate.roofline import estimate, work_of
from tests.estimate.test_roofline import GPU, HEAVY, WIDE

WORK = work_of([HEAVY, WIDE])
HALF = replace(GPU, device="half", bandwidth=50e9, peaks={k: v / 2 for k, v in GPU.peaks.items()})
OLD = replace(GPU, device="old", peaks={"fp32": 0.5e12, "fp16": 1e12})
ARM = replace(GPU, device="arm", part="cpu", family="ncnn-arm", peaks={"fp32": 0.1e12})


def test_the_fastest_comes_first_each_in_its_fastest_precision():
    ranked = rank(WORK, [OLD, ARM, HALF, GPU])

    assert [one.processor.device for one in ranked] == ["own", "half", "old", "arm"]
    assert [one.precision for one in ranked] == ["int8", "int8", "fp16", "fp32"]
    assert ranked[0].ms == min(estimate(WORK, GPU, p).ms for p in ("fp32", "fp16", "int8"))


def test_those_that_cannot_run_a_precision_are_left_out():
    assert [one.processor.device for one in rank(WORK, [OLD, ARM, GPU], "int8")] == ["own"]
    assert {one.precision for one in rank(WORK, [OLD, ARM, GPU], "fp32")} == {"fp32"}


def test_a_precision_needs_a_figure_and_a_constant():
    many = replace(ARM, peaks={"fp32": 1e11, "fp16": 2e11, "int8": 4e11})

    assert precisions_of(many) == ("fp32",)
    assert precisions_of(OLD) == ("fp32", "fp16")


def test_figures_nobody_read_and_few_devices_are_told():
    unread = replace(ARM, unverified=("clock", "bandwidth"))

    said = doubts(estimate(WORK, unread, "fp32"))

    assert any("unverified: clock, bandwidth" in clause for clause in said)
    assert any("off by" in clause for clause in said)


def test_a_device_like_those_compared_raises_no_doubt():
    slowest, fastest = CONSTANTS["tensorrt-gpu"].peaks["int8"]
    like = replace(GPU, peaks={**GPU.peaks, "int8": 1e12 * (slowest + fastest) / 2})

    assert doubts(estimate(WORK, like, "int8")) == ()


@pytest.mark.parametrize(("times", "word"), [(2, "faster"), (0.2, "slower")])
def test_a_device_unlike_any_of_those_compared_is_told(times, word):
    slowest, fastest = CONSTANTS["tensorrt-gpu"].peaks["int8"]
    peak = times * (fastest if times > 1 else slowest)
    unlike = replace(GPU, peaks={**GPU.peaks, "int8": 1e12 * peak})

    (said,) = doubts(estimate(WORK, unlike, "int8"))

    assert word in said


def test_constants_that_nothing_checked_are_told():
    unchecked = replace(CONSTANTS["tensorrt-gpu"], error=None)
    one = replace(estimate(WORK, GPU, "fp16"), constants=unchecked)

    assert "no published time checked" in doubts(one)[0]
