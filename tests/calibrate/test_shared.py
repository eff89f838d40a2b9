import numpy as np
import pytest

from edgekit.calibrate.histogram import StreamingHistogram
from edgekit.calibrate.observers import observe
from edgekit.calibrate.ranges import rounding_errors
from edgekit.calibrate.shared import shared_ranges
from edgekit.values import Join, Range, Statistics, TensorStatistics
from tests.networks import network

TEXT = """g (float[1,8] a, float[1,8] b, float[1,8] c) => (y, z) {
    j = Concat<axis = 1>(a, b) k = Concat<axis = 1>(b, c) y = Neg(j) z = Neg(k)
}"""
SIZE = 20_000


def seen(values):
    histogram = StreamingHistogram(10**6)
    histogram.update(values)
    return TensorStatistics(
        histogram.low,
        histogram.high,
        histogram.moving_low,
        histogram.moving_high,
        histogram.limit,
        histogram.counts,
        np.zeros(0, np.float32),
    )


def drawn(spreads):
    """Values of each name, normal and at most 4 times their spread; joined by two letters."""
    rng = np.random.default_rng(0)
    each = {n: s * np.clip(rng.normal(size=SIZE), -4, 4) for n, s in spreads.items()}
    joined = {n: np.concatenate([each[k] for k in n]) for n in ("ab", "bc")}
    return each | {"j": joined["ab"], "k": joined["bc"]}


class Case:
    """Values with an importance each, the same wherever a value lies."""

    def __init__(self, spreads, importance):
        self.values, self.each = drawn(spreads), importance
        self.statistics = Statistics({n: seen(v) for n, v in self.values.items()}, 1, "")
        tensors = self.statistics.tensors
        self.importance = {n: tensors[n].counts * float(w) for n, w in importance.items()}
        self.ranges = {n: observe(t, "mse") for n, t in tensors.items()}

    def shared(self, *joins, always=False):
        errors = rounding_errors(network(TEXT), self.statistics, self.importance)
        return shared_ranges(errors, self.statistics, self.ranges, joins, always=always)

    def harm(self, name, span):
        """Squared error of rounding every value to the nearest step, times its importance."""
        step = (span.high - span.low) / 255
        lowest = -round(-span.low / step) * step
        nearest = np.round((self.values[name] - lowest) / step).clip(0, 255) * step + lowest
        return self.each[name] * np.square(nearest - self.values[name]).sum()


J = Join("j", ("a",), ("b",), whole=True)
K = Join("k", ("c",), ("b",), whole=True)
ALIKE = dict.fromkeys("abc", 1.0)
EVERYTHING = dict.fromkeys("abcjk", 1.0)


def test_what_is_alike_shares_a_range_for_then_it_is_rounded_once():
    case = Case(ALIKE, EVERYTHING)

    found = case.shared(J)

    own = case.ranges["j"]
    assert set(found) == {"j"}
    assert (found["j"].low, found["j"].high) == pytest.approx((own.low, own.high), rel=0.05)


@pytest.mark.parametrize(("importance", "shares"), [(0.01, True), (100, False)])
def test_a_value_of_small_numbers_shares_unless_others_need_it_fine(importance, shares):
    case = Case({"a": 1.0, "b": 0.1, "c": 1.0}, EVERYTHING | {"b": importance})

    assert ("j" in case.shared(J)) == shares


@pytest.mark.parametrize("spread", [0.02, 0.2, 0.4, 0.6, 1.0])
@pytest.mark.parametrize("importance", [0.3, 1, 3, 10])
def test_a_shared_range_harms_less_than_ranges_apart(spread, importance):
    case = Case({"a": 1.0, "b": spread, "c": 1.0}, EVERYTHING | {"b": importance})
    apart = sum(case.harm(n, case.ranges[n]) for n in "bj")
    largest = case.statistics.tensors["j"].high

    found = case.shared(J).get("j")

    trials = [largest * share for share in np.linspace(0.2, 1, 41)]
    least = min(sum(case.harm(n, type(case.ranges["j"])(-t, t)) for n in "ab") for t in trials)
    if found is None:
        assert least > 0.97 * apart
    else:
        assert sum(case.harm(n, found) for n in "ab") < min(apart, 1.03 * least)


def test_joins_with_a_value_in_common_share_one_range():
    case = Case({"a": 1.0, "b": 1.1, "c": 1.2}, EVERYTHING)

    found = case.shared(J, K)

    assert set(found) == {"j", "k"}
    assert found["j"] == found["k"]


def test_the_harm_of_a_second_join_is_counted_with_what_it_is_tied_to():
    case = Case({"a": 1.0, "b": 1.0, "c": 50.0}, EVERYTHING)

    alone, both = case.shared(K), case.shared(J, K)

    assert set(alone) == {"k"}
    assert set(both) == {"j"}


@pytest.mark.parametrize("unknown", ["a", "b", "j"])
def test_what_nobody_knows_the_importance_of_shares_nothing(unknown):
    importance = {name: 1.0 for name in "abj" if name != unknown}

    assert Case(ALIKE, importance).shared(J) == {}


def test_a_join_that_cannot_be_one_is_left_alone():
    assert Case(ALIKE, EVERYTHING).shared(Join("j", ("a",), ("b",), whole=False)) == {}


def test_a_join_that_is_joined_itself_takes_the_encoding_of_the_last_anyway():
    outer = Join("k", ("j",), ("c",), whole=True)

    assert "j" not in Case(ALIKE, EVERYTHING).shared(J, outer)


def test_a_runtime_may_ask_for_one_range_whatever_the_harm():
    case = Case({"a": 1.0, "b": 50.0, "c": 1.0}, {**EVERYTHING, "a": 1e9})

    assert set(case.shared(J)) == set()
    assert set(case.shared(J, always=True)) == {"j"}


def test_symmetric_ranges_share_a_symmetric_one():
    case = Case({"a": 1.0, "b": 1.5, "c": 1.0}, dict.fromkeys(["a", "b", "c", "j", "k"], 1.0))
    tensors = case.statistics.tensors
    case.ranges = {n: observe(t, "mse", symmetric=True) for n, t in tensors.items()}

    (span,) = case.shared(Join("j", (), ("a", "b"), whole=True), always=True).values()

    assert span.low == -span.high
    harm = case.harm("a", span) + case.harm("b", span)
    for wider in (0.8, 1.25):
        other = Range(span.low * wider, span.high * wider)
        assert harm < case.harm("a", other) + case.harm("b", other)
