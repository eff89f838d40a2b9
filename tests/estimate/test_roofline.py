from dataclasses import replace

import numpy as np
import pytest

from edgekit.estimate.constants import CONSTANTS, DEPTHWISE, Constants
from edgekit.estimate.layers import Layer
from edgekit.estimate.processor import Processor
from edgekit.estimate.roofline import estimate, layer_times, work_of

GPU = Processor(
    device="own",
    title="Own",
    part="gpu",
    family="tensorrt-gpu",
    peaks={"fp32": 1e12, "fp16": 8e12, "int8": 16e12},
    vector=1e12,
    bandwidth=100e9,
    clock=1e9,
    memory=4 * 2**30,
)
PLAIN = Constants({"fp32": 1.0, "fp16": 0.5, "int8": 0.25}, 0.5, cycles=1000, seconds=1e-6)
HEAVY = Layer("heavy", "dense", macs=10**9, weights=1000, reads=4000, writes=5000)
WIDE = Layer("wide", "other", macs=0, weights=0, reads=10**7, writes=10**7)
FINE = Layer("fine", "depthwise", macs=10**6, weights=900, reads=0, writes=0)
JOIN = Layer("join", "move", macs=0, weights=0, reads=10**6, writes=10**6)


def by_hand(layer, peak, share, size):
    """Milliseconds of one layer, by the definition."""
    compute = 2 * layer.macs / (peak * share)
    memory = (layer.weights + layer.reads + layer.writes) * size / (100e9 * 0.5)
    return 1e3 * (max(compute, memory) + 1000 / 1e9 + 1e-6)


@pytest.mark.parametrize(
    ("precision", "peak", "share", "size"),
    [("fp32", 1e12, 1.0, 4), ("fp16", 8e12, 0.5, 2), ("int8", 16e12, 0.25, 1)],
)
def test_a_layer_takes_the_longer_of_arithmetic_and_memory_and_what_it_costs_besides(
    precision, peak, share, size
):
    times = layer_times(work_of([HEAVY, WIDE]), GPU, precision, PLAIN)

    expected = [by_hand(layer, peak, share, size) for layer in (HEAVY, WIDE)]
    assert times.each == pytest.approx(expected)
    assert (times.compute > times.memory).tolist() == [True, False]


def test_one_filter_per_channel_runs_beside_the_matrix_units():
    floats, halves = (layer_times(work_of([FINE]), GPU, p, PLAIN) for p in ("fp32", "fp16"))

    assert floats.compute[0] == pytest.approx(1e3 * 2e6 / (1e12 * DEPTHWISE))
    assert halves.compute[0] == pytest.approx(floats.compute[0] / 2)


def test_joins_are_free_where_the_runtime_writes_in_place():
    copied = replace(PLAIN, moves=True)

    assert layer_times(work_of([JOIN]), GPU, "fp16", PLAIN).each.tolist() == [0.0]
    assert layer_times(work_of([JOIN]), GPU, "fp16", copied).each[0] == pytest.approx(
        by_hand(JOIN, 1.0, 1.0, 2)
    )


def test_twice_the_figures_take_half_the_time_but_for_what_is_per_layer():
    work = work_of([HEAVY, WIDE, FINE])
    twice = replace(
        GPU,
        peaks={key: 2 * peak for key, peak in GPU.peaks.items()},
        vector=2e12,
        bandwidth=200e9,
        clock=2e9,
    )
    constants = replace(PLAIN, seconds=0.0)

    slow, fast = (layer_times(work, one, "int8", constants).each for one in (GPU, twice))

    assert np.allclose(slow, 2 * fast)


def test_shares_make_a_whole_and_name_the_bound():
    one = estimate(work_of([HEAVY, WIDE, WIDE]), GPU, "fp32")

    assert sum(one.shares.values()) == pytest.approx(1)
    assert one.bound == "memory"
    assert one.ms == pytest.approx(one.times.each.sum())
    assert one.low_ms < one.ms < one.high_ms
    assert (one.low_ms / one.ms, one.high_ms / one.ms) == pytest.approx(
        CONSTANTS["tensorrt-gpu"].spread
    )


def test_the_slowest_layers_come_first_with_what_they_wait_for():
    one = estimate(work_of([FINE, WIDE, HEAVY]), GPU, "fp32")

    slowest, second = one.heaviest(2)

    assert (slowest.layer, slowest.bound) == (HEAVY, "compute")
    assert (second.layer, second.bound) == (WIDE, "memory")
    assert slowest.ms > max(slowest.compute_ms, slowest.memory_ms)


def test_a_network_fits_where_its_weights_and_maps_do():
    huge = Layer("huge", "dense", macs=1, weights=2**30, reads=0, writes=0)

    assert estimate(work_of([HEAVY]), GPU, "fp32").fits is True
    assert estimate(work_of([huge]), GPU, "fp32").fits is False
    assert estimate(work_of([huge]), GPU, "int8").fits is True
    assert estimate(work_of([huge]), replace(GPU, memory=None), "fp32").fits is None
