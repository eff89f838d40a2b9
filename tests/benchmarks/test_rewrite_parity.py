import sys
from pathlib import Path

import numpy as np
import pytest

from edgekit.reparam.parity import TOLERANCE

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

import rewrite_parity

pytestmark = pytest.mark.usefixtures("one_thread")


def values(**arrays):
    return {name: np.array(array, np.float32) for name, array in arrays.items()}


def test_the_noise_is_asked_only_of_what_differs_by_more_than_the_tolerance():
    expected = [values(a=[1.0], b=[1.0]), values(a=[1.0], b=[1.0])]
    found = [values(a=[1.02], b=[1.0001]), values(a=[1.0], b=[1.01])]
    noise = [{"a": 0.01, "b": 1e-9}, {"a": 1e-9, "b": 0.0025}]

    told = rewrite_parity.against_noise(expected, found, noise)

    assert told["times_noise"] == pytest.approx(0.01 / 0.0025, rel=0.01)
    assert told["noise"] == 0.01


def test_where_the_tolerance_is_met_no_noise_is_asked():
    exact = [values(a=[1.0])]

    assert rewrite_parity.against_noise(exact, exact, [{"a": 0.5}])["times_noise"] is None


def test_what_differs_without_noise_is_beyond_any_number_of_times():
    found = rewrite_parity.against_noise([values(a=[1.0])], [values(a=[1.1])], [{"a": 0.0}])

    assert found["times_noise"] == np.inf


@pytest.mark.slow
def test_rounding_explains_what_an_exact_fold_changes():
    subject = rewrite_parity.subject_of(rewrite_parity.of_chance("yolov8n"))

    found = rewrite_parity.rounding(subject)

    assert found["rewritten_from_unchanged"] > TOLERANCE
    assert found["unchanged_from_float64"] > TOLERANCE
    assert found["float64"] < 1e-9
    assert 0 < found["times_noise"] < 4
    assert not found["refused"]
