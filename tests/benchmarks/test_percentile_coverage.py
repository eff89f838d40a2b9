import json
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

import percentile_coverage
import render
import render_percentile_coverage


@pytest.mark.parametrize("memory", percentile_coverage.MEMORIES)
def test_the_percentile_called_true_is_that_of_very_many_times(memory):
    times = percentile_coverage.times(np.random.default_rng(0), 40_000, memory)

    for percentile in percentile_coverage.PERCENTILES:
        found = np.quantile(times, percentile)
        assert found == pytest.approx(percentile_coverage.true_percentile(percentile), rel=0.02)


def test_rounds_remember_as_much_as_is_asked_for():
    means = percentile_coverage.times(np.random.default_rng(0), 40_000, 0.8).mean(axis=1)

    # Half of the variance of a run, a fifth of the other half in the mean of five.
    assert np.corrcoef(means[1:], means[:-1])[0, 1] == pytest.approx(0.8 * 5 / 6, abs=0.02)


def test_a_line_for_every_kind_of_times(tmp_path, monkeypatch):
    out = tmp_path / "coverage.json"
    monkeypatch.setattr(percentile_coverage, "RESAMPLES", 20)
    monkeypatch.setattr(sys, "argv", ["percentile_coverage", "--trials", "10", "--out", str(out)])

    percentile_coverage.main()

    result = json.loads(out.read_text(encoding="utf-8"))
    lines = render_percentile_coverage.table(result)
    assert len(lines) == 4 + 12
    assert "no interval" in lines[3]
    assert render_percentile_coverage.table({}) == [""]
    assert "percentile coverage" in render.PARTS
