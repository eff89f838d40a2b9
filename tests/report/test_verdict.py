from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit.report.schema import LatencyMs, Row
from edgekit.report.verdict import Budget, decide, missed, speedup_over


@pytest.fixture
def fp32(make_row):
    return make_row("fp32", baseline=True, p50=60.0, map=0.40, images=100)


@pytest.fixture
def int8(make_row):
    """Return a maker of an INT8 row that is 1.5 times as fast and loses 0.4 points."""
    good = {
        "p50": 40.0,
        "map": 0.396,
        "images": 100,
        "map_drop_points": 0.4,
        "map_drop_ci95": (-0.3, 1.1),
        "speedup": 1.5,
        "speedup_ci95": (1.45, 1.55),
    }
    return lambda **other: make_row("int8", "int8", **(good | other))


def test_int8_that_is_faster_and_keeps_its_accuracy_ships(fp32, int8):
    verdict = decide([fp32, int8()])

    assert verdict.ship == "int8"
    assert verdict.because == (
        "Ship int8: 1.50× (95 %: 1.45 to 1.55) the speed of fp32, the fastest FP32, 40.0 ms "
        "against 60.0 ms (p50), and it loses 0.4 (95 %: −0.3 to 1.1) points of mAP on 100 images, "
        "of 1 allowed."
    )


@pytest.mark.parametrize(
    ("figures", "says"),
    [
        ({"speedup": 1.01, "speedup_ci95": (0.97, 1.05)}, "is not surely faster, 1.01×"),
        ({"speedup": 0.6, "speedup_ci95": (0.58, 0.62)}, "is not surely faster, 0.60×"),
        (
            {"map_drop_points": 3.2, "map_drop_ci95": (2.0, 4.4)},
            "loses 3.2 (95 %: 2.0 to 4.4) points of mAP, more than the 1 allowed",
        ),
        ({"map": None, "map_drop_points": None, "agreement": 0.7}, "agrees with FP32 to 70.0"),
        ({"map": None, "map_drop_points": None}, "has no accuracy measured"),
    ],
)
def test_int8_that_is_not_worth_it_leaves_fp32(fp32, int8, figures, says):
    verdict = decide([fp32, int8(**figures)])

    assert verdict.ship == "fp32"
    assert verdict.because.startswith("Ship FP32 (fp32): int8 ")
    assert says in verdict.because


def test_a_gain_of_accuracy_is_called_a_gain(fp32, int8):
    verdict = decide([fp32, int8(map_drop_points=-0.2, map_drop_ci95=(-0.9, 0.5))])

    assert "it gains 0.2 (95 %: −0.5 to 0.9) points" in verdict.because
    assert "allowed" not in verdict.because


def test_without_labels_agreement_decides_and_is_named(fp32, int8):
    unlabelled = int8(map=None, map_drop_points=None, map_drop_ci95=None, agreement=0.95)

    verdict = decide([fp32, unlabelled])

    assert verdict.ship == "int8"
    assert "agrees with FP32 to 95.0 of 100 on 100 images without labels" in verdict.because


def test_the_fastest_fp32_counts_whatever_its_runtime(fp32, int8, make_row):
    rival = make_row("ov-fp32", backend="openvino", baseline=True, p50=30.0, map=0.40)

    verdict = decide([fp32, int8(), rival])

    assert verdict.ship == "ov-fp32"
    assert "0.75×" in verdict.because


def test_only_measured_rows_ship(fp32, make_row):
    simulated = make_row("trt", "int8", backend="tensorrt", status="simulated", map=0.4)

    verdict = decide([fp32, simulated])

    assert verdict.ship == "fp32"
    assert "trt is simulated" in verdict.because


def test_with_nothing_measured_there_is_a_candidate(make_row):
    simulated = make_row("trt", "int8", backend="tensorrt", status="simulated", map=0.4)
    absent = make_row("ov", "int8", backend="openvino", status="not-run", reason="not here")

    verdict = decide([absent, simulated])

    assert (verdict.ship, verdict.candidate) == (None, "trt")
    assert "Ship nothing yet" in verdict.because


def test_no_rows_is_no_verdict():
    assert decide([]).ship is None


def test_a_row_too_slow_for_the_budget_says_so(int8):
    assert missed(int8(), Budget(p90_ms=10)) == ("takes 44.0 ms (p90), more than 10",)
    assert missed(int8(), Budget(p90_ms=45)) == ()


def test_a_speedup_is_scaled_to_a_faster_baseline(fp32, int8, make_row):
    faster = make_row("given", p50=50.0)

    speed = speedup_over(faster, int8(), [fp32, faster])

    assert speed.value == pytest.approx(1.25)
    assert (speed.low, speed.high) == pytest.approx((1.45 / 1.2, 1.55 / 1.2))


def test_without_pairs_the_ratio_of_medians_has_no_interval(fp32, int8):
    speed = speedup_over(fp32, int8(speedup=None, speedup_ci95=None), [fp32])

    assert speed.low == speed.value == speed.high == pytest.approx(1.5)


figure = st.floats(0.5, 2)


@given(
    st.lists(st.tuples(figure, figure, st.floats(-2, 4), st.booleans()), min_size=1, max_size=5),
    st.booleans(),
)
def test_what_ships_was_measured_and_keeps_the_budget(others, has_base):
    rows = [_row("fp32", "fp32", 10.0, {"baseline": True})] if has_base else []
    for number, (speedup, spread, drop, was_measured) in enumerate(others):
        figures = {
            "speedup": speedup,
            "speedup_ci95": (speedup / (1 + spread), speedup),
            "map_drop_points": drop,
        }
        name = str(number)
        if was_measured:
            rows.append(_row(name, "int8", 10.0 / speedup, figures))
        else:
            rows.append(_row(name, "int8", None, {"status": "simulated"}))

    verdict = decide(rows)

    if not has_base:
        assert verdict.ship is None
        assert verdict.candidate is not None
        return
    shipped = next(r for r in rows if r.name == verdict.ship)
    assert shipped.status == "measured"
    if shipped.precision == "int8":
        assert shipped.speedup_ci95[0] > 1
        assert shipped.map_drop_points <= 1


def _row(name, precision, p50, figures):
    if p50 is not None:
        figures["latency_ms"] = LatencyMs(p50=p50, p90=p50, p99=p50, runs=9, pre_p50=0, post_p50=0)
    plain = {"backend": "onnxruntime", "input_hw": (1, 1), "status": "measured"}
    return Row(name=name, precision=precision, **(plain | figures))
