from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit.errors import ConfigError, UnknownNameError
from edgekit.report.gate import Limits, gate
from edgekit.report.schema import Verdict

ALL = {"map_drop_points": 0.5, "agreement": 0.9, "p90_ms": 50.0, "speedup": 1.5}


@pytest.fixture
def changed(report):
    """Return ``changed(name, **figures)``: the report with other figures in one row."""

    def change(name, **figures):
        rows = [r.model_copy(update=figures) if r.name == name else r for r in report.rows]
        return report.model_copy(update={"rows": tuple(rows)})

    return change


def with_p90(report, p90, ci95=None):
    latency = report.row("int8").latency_ms
    return latency.model_copy(update={"p90": p90, "p90_ci95": ci95})


def reasons(result):
    return {check.limit: check.reason for check in result.checks}


def test_the_row_that_ships_is_held_to_every_limit(report):
    result = gate(report, Limits(**ALL))

    assert (result.row, result.status, result.passed) == ("int8", "measured", True)
    assert [c.limit for c in result.checks] == [
        "--max-map-drop",
        "--min-agreement",
        "--max-p90-ms",
        "--min-speedup",
    ]
    assert [c.figure for c in result.checks] == [0.49, 0.941, pytest.approx(37.4 * 1.1), 1.56]
    assert reasons(result)["--max-map-drop"] == (
        "0.49 points of mAP lost against FP32 (95 %: -0.42 to 1.36), on 112 images"
    )
    assert reasons(result)["--max-p90-ms"].endswith("200 runs")


@pytest.mark.parametrize(
    ("limits", "missed"),
    [
        ({"map_drop_points": 0.48}, "--max-map-drop"),
        ({"agreement": 0.95}, "--min-agreement"),
        ({"p90_ms": 41.1}, "--max-p90-ms"),
        ({"speedup": 1.57}, "--min-speedup"),
    ],
)
def test_a_figure_beyond_its_limit_fails_with_both_in_the_reason(report, limits, missed):
    result = gate(report, Limits(**(ALL | limits)))

    assert not result.passed
    assert [c.limit for c in result.checks if not c.passed] == [missed]
    assert "than allowed" in reasons(result)[missed]


def test_what_rounding_adds_to_a_figure_does_not_fail_it(changed):
    drop = 100 * (0.4 - 0.395)
    report = changed("int8", map_drop_points=drop)

    assert drop > 0.5
    assert gate(report, Limits(map_drop_points=0.5)).passed


@pytest.mark.parametrize("value", [0.50004, 0.4999996])
def test_a_figure_next_to_its_limit_is_told_with_enough_digits(changed, value):
    (check,) = gate(changed("int8", map_drop_points=value), Limits(map_drop_points=0.5)).checks

    told = float(check.reason.split()[0])
    assert (told > 0.5) == (value > 0.5)


def test_confident_takes_the_whole_interval(report, changed):
    limits = Limits(map_drop_points=1.0, confident=True)

    wide = gate(report, limits)
    narrow = gate(changed("int8", map_drop_ci95=(0.1, 0.99)), limits)

    assert (wide.passed, narrow.passed) == (False, True)
    assert "more images narrow it" in wide.checks[0].reason
    assert gate(report, Limits(map_drop_points=1.0)).passed


def test_confident_takes_the_lower_end_of_what_must_be_large(report):
    assert gate(report, Limits(speedup=1.52, confident=True)).passed
    assert not gate(report, Limits(speedup=1.53, confident=True)).passed


@given(
    value=st.floats(-5, 5),
    below=st.floats(0, 3),
    above=st.floats(0, 3),
    allowed=st.floats(-5, 5),
)
def test_what_passes_confidently_passes_plainly(report, value, below, above, allowed):
    row = report.row("int8").model_copy(
        update={"map_drop_points": value, "map_drop_ci95": (value - below, value + above)}
    )
    changed = report.model_copy(update={"rows": (report.rows[0], row)})

    sure = gate(changed, Limits(map_drop_points=allowed, confident=True)).passed

    assert gate(changed, Limits(map_drop_points=allowed)).passed or not sure
    if abs(value + above - allowed) > 1e-6:
        assert sure == (value + above < allowed)


def test_confident_without_an_interval_fails_and_says_so(report, changed):
    known = changed("int8", latency_ms=with_p90(report, 41.0, (40.0, 42.0)))
    limits = Limits(p90_ms=50.0, agreement=0.9, confident=True)

    assert "--confident needs a 95 % interval" in reasons(gate(report, limits))["--max-p90-ms"]
    assert [c.passed for c in gate(known, limits).checks] == [False, True]


def test_what_is_no_number_never_passes(changed):
    report = changed("int8", map_drop_points=math.nan, map_drop_ci95=(math.nan, math.nan))

    assert not gate(report, Limits(map_drop_points=0.5)).passed
    assert not gate(report, Limits(map_drop_points=0.5, confident=True)).passed


def test_a_simulated_row_has_accuracy_and_no_time(report):
    result = gate(report, Limits(map_drop_points=0.5, p90_ms=50.0, speedup=1.0), "trt")

    assert [c.passed for c in result.checks] == [True, False, False]
    assert "trt has no measured time (simulated: no GPU here)" in reasons(result)["--max-p90-ms"]
    assert "figures of trt are simulated: no GPU here" in result.notes
    assert "the verdict ships int8, and not trt" in result.notes


def test_an_estimated_time_is_no_measured_one(report, make_row):
    row = make_row("board", "int8", p50=3.0, status="estimated", reason="roofline")
    told = report.model_copy(update={"rows": (*report.rows, row)})

    (check,) = gate(told, Limits(p90_ms=50.0), "board").checks

    assert (check.passed, check.figure) == (False, None)
    assert "estimated" in check.reason


def test_a_row_that_was_not_run_fails_both(report):
    result = gate(report, Limits(map_drop_points=0.5, p90_ms=50.0), "openvino")

    assert [c.passed for c in result.checks] == [False, False]
    assert "no mAP" in reasons(result)["--max-map-drop"]


def test_fp32_loses_nothing_against_itself(report):
    limits = Limits(map_drop_points=0.0, agreement=1.0, speedup=1.0, confident=True)

    result = gate(report, limits, "fp32")

    assert result.passed
    assert [c.figure for c in result.checks] == [0.0, 1.0, 1.0]


def test_fp32_that_was_not_run_keeps_no_limit(report, make_row):
    row = make_row("board", status="not-run", reason="no GPU", baseline=True)
    result = gate(report.model_copy(update={"rows": (*report.rows, row)}), Limits(**ALL), "board")

    assert [check.passed for check in result.checks] == [False] * 4


def test_nothing_that_ships_fails(report):
    told = report.model_copy(update={"verdict": Verdict(ship=None, because="Nothing yet.")})

    result = gate(told, Limits(map_drop_points=5.0))

    assert (result.passed, result.row) == (False, None)
    assert result.checks[0].reason == "nothing ships: Nothing yet"
    assert gate(told, Limits(map_drop_points=5.0), "int8").passed


def test_a_disturbed_timing_is_told(changed):
    report = changed("int8", disturbed=("a load of 5.1 on 2 cores",))

    result = gate(report, Limits(p90_ms=50.0))

    assert result.passed
    assert any("a load of 5.1 on 2 cores" in note for note in result.notes)


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({}, r"none is given\. Add --max-map-drop"),
        ({"confident": True}, "none is given"),
        ({"map_drop_points": math.nan}, "--max-map-drop nan: expected a number"),
        ({"p90_ms": math.inf}, "--max-p90-ms inf: expected a number"),
        ({"p90_ms": 0.0}, "--max-p90-ms 0: expected a number above 0"),
        ({"p90_ms": math.nan}, "expected a number above 0"),
        ({"agreement": 95.0}, "--min-agreement 95: expected a number from 0 to 1"),
        ({"slowdown": 1.1}, "--max-slowdown compares.*Add --baseline"),
        ({"map_fall_points": 1.1}, "--max-map-fall compares.*Add --baseline"),
    ],
)
def test_limits_without_sense_are_refused(report, limits, message):
    with pytest.raises(ConfigError, match=message):
        gate(report, Limits(**limits))


def test_an_unknown_row_is_named_with_the_nearest(report):
    with pytest.raises(UnknownNameError, match="Did you mean 'int8'"):
        gate(report, Limits(p90_ms=50.0), "int")


def test_an_empty_name_is_no_row(report):
    with pytest.raises(UnknownNameError):
        gate(report, Limits(**ALL), row="")
    with pytest.raises(UnknownNameError):
        gate(report, Limits(), "", report)


def test_a_baseline_brings_limits_of_its_own(report, changed):
    same = gate(report, Limits(), accepted=report)
    slower = gate(changed("int8", latency_ms=with_p90(report, 46.0)), Limits(), accepted=report)

    assert same.passed
    assert [(c.limit, c.allowed) for c in same.checks] == [
        ("--max-map-fall", 0.5),
        ("--max-slowdown", 1.1),
    ]
    assert [c.passed for c in slower.checks] == [True, False]
    assert slower.checks[1].figure == pytest.approx(46.0 / (37.4 * 1.1))


def test_a_limit_against_the_baseline_stands_alone(report):
    result = gate(report, Limits(slowdown=1.3, p90_ms=50.0), accepted=report)

    assert [c.limit for c in result.checks] == ["--max-p90-ms", "--max-slowdown"]


def test_a_baseline_that_ships_nothing_needs_a_row(report):
    accepted = report.model_copy(update={"verdict": Verdict(ship=None, because="Nothing yet.")})

    with pytest.raises(ConfigError, match=r"ships nothing.*--row, of: fp32, int8"):
        gate(report, Limits(), accepted=accepted)
    assert gate(report, Limits(), "int8", accepted).passed


def test_a_row_that_the_baseline_does_not_have_is_named(report):
    accepted = report.model_copy(update={"rows": report.rows[1:]})

    with pytest.raises(UnknownNameError, match="row of the baseline 'fp32'"):
        gate(report, Limits(), "fp32", accepted)
