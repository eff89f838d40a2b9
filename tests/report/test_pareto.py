from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edgekit.report.pareto import pareto_front
from edgekit.report.schema import Row
from edgekit.report.speed import LatencyMs

FIGURES = st.tuples(st.integers(1, 9), st.integers(0, 9))


def row_of(number, figures):
    p50, tenths = figures
    latency = LatencyMs(p50=p50, p90=p50, p99=p50, runs=1, pre_p50=0, post_p50=0)
    return Row(
        name=str(number),
        backend="onnxruntime",
        precision="int8",
        input_hw=(1, 1),
        status="measured",
        map=tenths / 10,
        latency_ms=latency,
    )


def beats(a, b):
    """Whether ``a`` is at least as good in both figures, and better in one."""
    ours, theirs = (a.latency_ms.p50, -a.map), (b.latency_ms.p50, -b.map)
    return ours != theirs and all(x <= y for x, y in zip(ours, theirs, strict=True))


@given(st.lists(FIGURES, max_size=12))
def test_the_front_is_what_no_row_beats(figures):
    rows = [row_of(number, f) for number, f in enumerate(figures)]
    unbeaten = [r for r in rows if not any(beats(other, r) for other in rows)]

    front = pareto_front(rows)

    pairs = {(r.latency_ms.p50, r.map) for r in unbeaten}
    assert {(r.latency_ms.p50, r.map) for r in front} == pairs
    assert len(front) == len(pairs)


@given(st.lists(FIGURES, max_size=12))
def test_along_the_front_slower_means_more_accurate(figures):
    front = pareto_front([row_of(number, f) for number, f in enumerate(figures)])

    assert [r.latency_ms.p50 for r in front] == sorted({r.latency_ms.p50 for r in front})
    assert [r.map for r in front] == sorted({r.map for r in front})


def test_rows_that_were_not_measured_are_left_out(rows):
    assert [r.name for r in pareto_front(rows)] == ["int8", "fp32"]
