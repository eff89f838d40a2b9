import sys
from itertools import chain, repeat

import numpy as np
import pytest

from edgekit.measure.timing_worker import (
    peak_memory_bytes,
    synthetic_image,
    warm_up,
)


def runs_taking(*milliseconds):
    return ((0.1, ms, 0.1) for ms in chain(milliseconds, repeat(milliseconds[-1])))


def test_warming_up_ends_when_two_blocks_take_the_same_time():
    assert warm_up(runs_taking(*[90] * 5, *[50] * 5, 30)) == 20


def test_warming_up_takes_two_blocks_at_least():
    assert warm_up(runs_taking(10)) == 10


def test_times_that_never_settle_end_warming_up_too():
    wild = ((0.0, float(1 + (n // 5) % 2), 0.0) for n in range(10_000))

    assert warm_up(wild) == 100


def test_the_synthetic_image_is_the_same_every_time():
    assert np.array_equal(synthetic_image(), synthetic_image())
    assert synthetic_image().std() > 50


@pytest.mark.skipif(sys.platform != "linux", reason="other systems tell no peak of their own")
def test_peak_memory_is_above_what_is_in_use_now():
    import psutil

    peak = peak_memory_bytes()

    assert peak >= psutil.Process().memory_info().rss * 0.9
