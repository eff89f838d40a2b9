from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit.report.schema import Row
from edgekit.report.speed import LatencyMs
from edgekit.report.verdict import Budget, decide, lost_points, missed, speedup_over
from edgekit.values import Interval


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
        "map_drop_ci95": (-0.3, 0.9),
        "speedup": 1.5,
        "speedup_ci95": (1.45, 1.55),
    }
    return lambda **other: make_row("int8", "int8", **(good | other))


def test_int8_that_is_faster_and_keeps_its_accuracy_ships(fp32, int8):
    verdict = decide([fp32, int8()])

    assert verdict.ship == "int8"
    assert verdict.because == (
        "Ship int8: 1.50× (95 %: 1.45 to 1.55) the speed of fp32, the fastest FP32, 40.0 ms "
        "against 60.0 ms (p50), and it loses 0.4 (95 %: −0.3 to 0.9) points of mAP on 100 images, "
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


def test_what_could_not_run_at_all_is_the_candidate_before_a_float_row_that_was_simulated(make_row):
    given = make_row("as-given", status="simulated", map=0.4)
    half = make_row("fp16", "fp16", status="not-run", reason="no GPU here")

    assert decide([given, half]).candidate == "fp16"


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


@pytest.mark.parametrize(
    ("drop", "ci95", "says"),
    [
        (0.4, (-0.3, 0.9), None),
        (0.4, (-0.3, 1.6), "100 images are too few, about 400 would do)"),
        (0.99, (-3.0, 5.0), "(the interval is too wide to be sure: 100 images are too few)"),
        (1.0, (0.5, 1.5), "(the interval is too wide to be sure: 100 images are too few)"),
        (1.4, (0.6, 2.2), "100 images are too few, about 400 would do)"),
        (1.4, (1.1, 2.2), None),
        (0.4, None, None),
    ],
)  # fmt: skip
def test_an_interval_across_the_budget_is_said_to_be_too_wide(fp32, int8, drop, ci95, says):
    verdict = decide([fp32, int8(map_drop_points=drop, map_drop_ci95=ci95)])

    assert verdict.ship == ("int8" if drop <= 1 else "fp32")
    assert ("too wide" in verdict.because) == (says is not None)
    assert says is None or says in verdict.because


@pytest.fixture
def row(make_row):
    """Return a maker of rows 60 / ``speed`` ms long, with an interval of 2 % either way."""

    def make(name, precision, speed=1.0, drop=0.0, **other):
        figures = {
            "p50": 60 / speed,
            "speedup": speed,
            "speedup_ci95": (speed * 0.98, speed * 1.02),
            "map_drop_points": drop,
            "map_drop_ci95": (drop, drop),
            "images": 100,
        }
        if precision == "fp32" and name == "fp32":
            figures = {"p50": 60.0, "baseline": True, "images": 100}
        return make_row(name, precision, **(figures | other))

    return make


@pytest.mark.parametrize(
    ("others", "ship", "says"),
    [
        # 16 bits are shipped like INT8: surely faster, and within the budget.
        ([("fp16", "fp16", 1.8)], "fp16", "1.80× (95 %: 1.76 to 1.84) the speed of fp32"),
        ([("fp16", "fp16", 1.01)], "fp32", "fp16 is not surely faster, 1.01×"),
        ([("fp16", "fp16", 1.8, 2.0)], "fp32", "loses 2.0 (95 %: 2.0 to 2.0) points"),
        # INT8 has to beat 16 bits too, where those are worth it.
        ([("fp16", "fp16", 1.8), ("int8", "int8", 1.5)], "fp16", "int8 is not surely faster"),
        ([("fp16", "fp16", 1.8), ("int8", "int8", 1.82)], "fp16", "int8 is not surely faster"),
        ([("fp16", "fp16", 1.5), ("int8", "int8", 1.8)], "int8", "fp16, the fastest FP16"),
        ([("bf16", "bf16", 1.5), ("int8", "int8", 1.8)], "int8", "the fastest BF16"),
        ([("fp16", "fp16", 1.8, 2.0), ("int8", "int8", 1.5)], "int8", "the fastest FP32"),
        ([("fp16", "fp16", 1.8), ("int8", "int8", 2.5, 2.0)], "fp16", "more than the 1 allowed"),
        # Of INT8 and mixed: the faster, unless it costs too much or is not surely faster.
        ([("int8", "int8", 2.0, 0.9), ("mixed", "mixed", 1.5, 0.1)], "int8", "Ship int8"),
        ([("int8", "int8", 2.0, 1.2), ("mixed", "mixed", 1.5, 0.1)], "mixed", "; int8 loses 1.2"),
        (
            [("int8", "int8", 1.51, 0.9), ("mixed", "mixed", 1.5, 0.1)],
            "mixed",
            "; int8 is not surely faster and loses more",
        ),
        ([("int8", "int8", 0.9), ("mixed", "mixed", 0.8)], "fp32", "any of 1 other rows"),
    ],
)  # fmt: skip
def test_the_row_that_ships(row, others, ship, says):
    verdict = decide([row("fp32", "fp32"), *(row(*other) for other in others)])

    assert verdict.ship == ship
    assert says in verdict.because
    assert verdict.because.startswith(f"Ship {'FP32 (fp32)' if ship == 'fp32' else ship}")
    assert verdict.because.endswith(".")


def test_a_paired_ratio_goes_before_one_worked_out_from_medians(row):
    rows = [row("fp32", "fp32"), row("given", "fp32", 1.2), row("int8", "int8", 1.3)]

    assert decide(rows).ship == "int8"
    paired = {("given", "int8"): Interval(1.08, 0.97, 1.2)}
    verdict = decide(rows, paired=paired)

    assert verdict.ship == "given"
    assert "int8 is not surely faster, 1.08× (95 %: 0.97 to 1.20)" in verdict.because


def test_a_smaller_input_in_fp32_is_a_rival_only_where_it_keeps_its_accuracy(row):
    small = {"input_hw": (320, 320)}
    rows = [row("fp32", "fp32"), row("int8", "int8", 1.5)]

    lossy = decide([*rows, row("fp32-320", "fp32", 3.0, 4.0, **small)])
    good = decide([*rows, row("fp32-320", "fp32", 3.0, 0.5, **small)])
    unscored = {"map_drop_points": None, "map_drop_ci95": None}
    unknown = decide([*rows, row("fp32-320", "fp32", 3.0, **small, **unscored)])
    same_size = decide([*rows, row("given", "fp32", 3.0, **unscored)])

    assert [v.ship for v in (lossy, good, unknown, same_size)] == [
        "int8", "fp32-320", "int8", "given",
    ]  # fmt: skip


def test_rows_scored_on_other_images_are_not_compared(row):
    verdict = decide([row("fp32", "fp32"), row("int8", "int8", 1.5, images=50)])

    assert verdict.ship == "fp32"
    assert "int8 is 1.50×" in verdict.because
    assert "was scored on 50 images, fp32 on 100" in verdict.because


def test_fp32_that_is_too_slow_itself_is_shipped_with_a_word_about_it(row):
    verdict = decide([row("fp32", "fp32"), row("int8", "int8", 0.9)], Budget(p90_ms=50))

    assert verdict.ship == "fp32"
    assert verdict.because.endswith("; fp32 itself takes 66.0 ms (p90), more than 50.")


def test_a_budget_of_nothing_allows_a_gain_and_no_loss(row):
    rows = [row("fp32", "fp32"), row("int8", "int8", 2.0, 0.01), row("mixed", "mixed", 1.5, -0.1)]

    assert decide(rows, Budget(map_drop_points=0)).ship == "mixed"
    assert decide(rows[:2], Budget(map_drop_points=0)).ship == "fp32"


figure = st.floats(0.5, 2)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["fp32", "fp16", "bf16", "int8", "mixed"]),
            figure,
            st.floats(1, 1.5),
            st.floats(-2, 4),
            st.sampled_from(["measured", "simulated", "untimed"]),
        ),
        max_size=6,
    ),
    st.booleans(),
    st.floats(0, 3),
)
def test_what_ships_was_measured_is_faster_and_keeps_the_budget(others, has_base, allowed):
    rows = [_row("fp32", "fp32", 10.0, {"baseline": True})] if has_base else []
    for number, (precision, speedup, spread, drop, status) in enumerate(others):
        figures = {
            "speedup": speedup,
            "speedup_ci95": (speedup / spread, speedup * spread),
            "map_drop_points": drop,
        }
        shown = {"map_drop_points": drop, "status": status.replace("untimed", "measured")}
        rows.append(
            _row(str(number), precision, 10.0 / speedup, figures)
            if status == "measured"
            else _row(str(number), precision, None, shown)
        )

    verdict = decide(rows, Budget(map_drop_points=allowed))

    timed = [r for r in rows if r.latency_ms]
    fp32 = [r for r in timed if r.precision == "fp32"]
    if not fp32:
        assert verdict.ship is None
        assert (verdict.candidate is None) == (rows == [])
        return
    shipped = next(r for r in rows if r.name == verdict.ship)
    assert shipped.status == "measured"
    assert shipped.latency_ms
    # Judged again from the definition: no slower than any float row that may be shipped too.
    rivals = [r for r in fp32 if r.baseline or r.map_drop_points <= allowed] or fp32
    fastest = min(r.latency_ms.p50 for r in rivals)
    if shipped.precision == "fp32":
        assert shipped.latency_ms.p50 == fastest
        return
    assert shipped.map_drop_points <= allowed
    assert _low(shipped, fastest, rows) > 1
    if shipped.precision in ("int8", "mixed"):
        halves = [r for r in timed if r.precision in ("fp16", "bf16")]
        kept = [r for r in halves if r.map_drop_points <= allowed]
        worth = [r for r in kept if _low(r, fastest, rows) > 1]
        assert not worth or any(_low(shipped, r.latency_ms.p50, rows) > 1 for r in worth)


def _low(row, p50, rows):
    """Return the lower end of the speedup over a row that takes ``p50`` ms."""
    paired = any(r.baseline for r in rows)
    low = row.speedup_ci95[0] * p50 / 10.0
    return low if paired else p50 / row.latency_ms.p50


def _row(name, precision, p50, figures):
    if p50 is not None:
        figures["latency_ms"] = LatencyMs(p50=p50, p90=p50, p99=p50, runs=9, pre_p50=0, post_p50=0)
    plain = {"backend": "onnxruntime", "input_hw": (1, 1), "status": "measured"}
    return Row(name=name, precision=precision, **(plain | figures))


@pytest.mark.parametrize(
    ("drop", "words"), [(-0.04, "loses 0.0"), (0.04, "loses 0.0"), (-0.06, "gains 0.1")]
)
def test_what_is_shown_as_nothing_is_no_gain(drop, words):
    assert lost_points(drop, (-0.3, 0.3)).startswith(f"{words} (95 %: −0.3 to 0.3)")
