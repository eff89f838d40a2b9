import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit.measure.throughput import (
    StreamsJob,
    default_streams,
    run_streams,
    throughput_of,
)

IMAGE = np.zeros((40, 60, 3), np.uint8)


class OneAtATime:
    """A runtime with no streams."""

    name = "onnxruntime"

    def open(self, model):
        raise AssertionError


@given(st.lists(st.floats(0.01, 0.1), min_size=1, max_size=4))
def test_steady_streams_add_up(each_s):
    ends = [(np.arange(1, 1 + int(2 / s)) * s).tolist() for s in each_s]

    found = throughput_of(ends)

    assert found.streams == len(each_s)
    assert found.fps == pytest.approx(sum(1 / s for s in each_s), rel=1e-6)
    low, high = found.fps_ci95
    assert low == pytest.approx(high, rel=1e-3)


def test_what_ran_beside_fewer_streams_does_not_count():
    # The second stream is alone after the first ends, and twice as fast.
    first = np.arange(1, 11) * 0.1
    second = np.concatenate([first, 1.0 + np.arange(1, 21) * 0.05])

    assert throughput_of([first.tolist(), second.tolist()]).fps == pytest.approx(20)


def test_the_interval_covers_the_rate_of_streams_that_vary():
    rng = np.random.default_rng(5)
    covered = []
    for _ in range(400):
        ends = np.cumsum(rng.gamma(4, 0.01, (2, 120)), axis=1)
        low, high = throughput_of(ends.tolist()).fps_ci95
        covered.append(low <= 50 <= high)

    assert 0.9 <= np.mean(covered) <= 0.99


def test_few_images_have_a_rate_and_no_interval():
    found = throughput_of([[0.5, 1.0], [0.5, 1.0]])

    assert (found.fps, found.fps_ci95) == (4.0, None)


def test_real_streams_share_one_network(detector):
    found = run_streams(detector(), [IMAGE], StreamsJob(streams=2, seconds=0.05))

    assert found.streams == 2
    assert found.fps > 0
    assert found.fps_ci95[0] <= found.fps <= found.fps_ci95[1]


def test_a_runtime_without_streams_has_no_throughput(detector):
    assert run_streams(detector(backend=OneAtATime()), [IMAGE], StreamsJob(2, 0.01)) is None


def test_one_stream_and_one_per_core_are_the_usual():
    streams = default_streams()

    assert streams[0] == 1
    assert streams == tuple(sorted(set(streams)))
