from __future__ import annotations

import pytest
from pydantic import ValidationError

from edgekit.report.schema import Row, Verdict
from edgekit.report.speed import LatencyMs

LATENCY = LatencyMs(p50=1.0, p90=1.1, p99=1.2, runs=10, pre_p50=0.1, post_p50=0.1)
PLAIN = {"name": "r", "backend": "openvino", "precision": "int8", "input_hw": (4, 4)}


@pytest.mark.parametrize("status", ["simulated", "not-run"])
@pytest.mark.parametrize("figure", [{"latency_ms": LATENCY}, {"fps": 9.0}, {"speedup": 1.5}])
def test_a_row_that_did_not_run_here_has_no_speed(status, figure):
    with pytest.raises(ValidationError, match="can have no latency"):
        Row(**PLAIN, status=status, reason="no device", **figure)


@pytest.mark.parametrize("status", ["estimated", "not-run"])
@pytest.mark.parametrize("figure", [{"map": 0.4}, {"agreement": 0.9}, {"map_drop_points": 0.0}])
def test_a_row_that_saw_no_image_has_no_accuracy(status, figure):
    with pytest.raises(ValidationError, match="can have no accuracy"):
        Row(**PLAIN, status=status, reason="no device", **figure)


def test_a_row_that_was_not_run_says_why():
    with pytest.raises(ValidationError, match="say why"):
        Row(**PLAIN, status="not-run")


def test_an_estimate_has_a_latency_and_cannot_ship():
    row = Row(**PLAIN, status="estimated", latency_ms=LATENCY)

    assert row.latency_ms == LATENCY
    assert not row.shippable


def test_a_map_in_points_is_refused():
    with pytest.raises(ValidationError, match="less than or equal to 1"):
        Row(**PLAIN, status="measured", map=39.8)


@pytest.mark.parametrize(
    ("verdict", "message"),
    [
        (Verdict(ship="nobody", because="."), "none of the rows"),
        (Verdict(ship=None, candidate="nobody", because="."), "none of the rows"),
        (Verdict(ship="trt", because="."), "was not measured"),
    ],
)
def test_the_verdict_names_a_measured_row(report, verdict, message):
    with pytest.raises(ValidationError, match=message):
        type(report).model_validate(report.model_dump() | {"verdict": verdict})


def test_two_rows_cannot_share_a_name(report):
    twice = report.model_dump() | {"rows": (report.rows[0], report.rows[0])}

    with pytest.raises(ValidationError, match="names of their own"):
        type(report).model_validate(twice)


def test_a_key_of_a_later_edgekit_is_read_over():
    row = Row.model_validate(PLAIN | {"status": "measured", "power_w": 3.5})

    assert row.name == "r"
