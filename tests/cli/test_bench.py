import json
from dataclasses import replace

import pytest

from edgekit.measure import latency


def test_models_are_compared_with_the_first(edgekit, tiny, out):
    ended = edgekit("bench", tiny.model, out, "--eval", tiny.labels, "--json")

    first, second = json.loads(ended.stdout)
    assert (first["model"], second["model"]) == ("tiny", "out")
    assert (first["speedup"], first["agreement"]) == (None, None)
    assert second["speedup_ci95"][0] <= second["speedup"] <= second["speedup_ci95"][1]
    assert second["agreement"] > 0.5
    assert first["map"] > 0.9
    assert 0 < first["p50_ms"] <= first["p90_ms"] <= first["p99_ms"]
    assert len(first["quantiles_ms"]) == 101
    assert first["cold_start_ms"] > 0
    assert first["conditions"]["other_programs_cores"] >= 0
    assert {"p50_ci95_ms", "p90_early_stopping_ms", "throughput", "energy", "disturbed"} <= set(
        first
    )


def test_without_images_the_time_alone_is_a_table(edgekit, tiny):
    ended = edgekit("bench", tiny.model)

    header, row = ended.stdout.splitlines()
    assert header.split()[:2] == ["model", "p50_ms"]
    assert "map" not in header
    assert row.split()[0] == "tiny"


def test_streams_and_quiet_are_asked_for_by_flags(edgekit, tiny, monkeypatch):
    asked = []
    options = latency.for_a_report

    def remembered(streams, *, repeat_disturbed):
        asked.append((streams, repeat_disturbed))
        return replace(options(streams), streams=streams, stream_seconds=0.01)

    monkeypatch.setattr(latency, "for_a_report", remembered)

    ended = edgekit("bench", tiny.model, "--streams", "1, 3", "--repeat-disturbed")

    assert asked == [((1, 3), True)]
    assert "fps, 3 at once" in ended.stdout.splitlines()[0]
    assert "quantiles_ms" not in ended.stdout


@pytest.mark.parametrize("streams", ["0", "two", "1,,2"])
def test_streams_that_are_no_numbers_are_refused(edgekit, tiny, streams):
    ended = edgekit("bench", tiny.model, "--streams", streams)

    assert ended.code == 2
    assert "1,2,4" in ended.stderr


def test_the_same_model_twice_is_refused(edgekit, tiny):
    ended = edgekit("bench", tiny.model, tiny.model)

    assert (ended.code, ended.stdout) == (2, "")
    assert "different names" in ended.stderr


def test_a_model_that_is_not_there_is_named(edgekit):
    ended = edgekit("bench", "nowhere.onnx")

    assert (ended.code, ended.stdout) == (2, "")
    assert "nowhere.onnx" in ended.stderr
