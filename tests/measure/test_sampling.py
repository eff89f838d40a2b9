from hypothesis import given
from hypothesis import strategies as st

from edgekit.measure.sampling import spread


@given(total=st.integers(0, 50), count=st.integers(1, 20))
def test_a_spread_keeps_order_and_both_ends(total, count):
    records = list(range(total))

    few = spread(records, count)

    assert len(few) == min(total, count)
    assert list(few) == sorted(set(few))
    if total > count > 1:
        assert (few[0], few[-1]) == (0, total - 1)
