from __future__ import annotations

import pytest
from pydantic import ValidationError

from edgekit.report.speed import Energy, LatencyMs

LEAST = {"p50": 1.0, "p90": 1.1, "p99": 1.2, "runs": 10, "pre_p50": 0.1, "post_p50": 0.1}


def test_a_report_of_an_earlier_edgekit_has_no_intervals():
    latency = LatencyMs(**LEAST)

    assert latency.p90_ci95 is None
    assert latency.quantiles == ()


def test_energy_without_its_source_is_refused():
    with pytest.raises(ValidationError, match="source"):
        Energy(mj_per_frame=3.0, mean_w=9.0)
