import json


def test_models_are_compared_with_the_first(edgekit, tiny, out):
    ended = edgekit("bench", tiny.model, out, "--eval", tiny.labels, "--json")

    first, second = json.loads(ended.stdout)
    assert (first["model"], second["model"]) == ("tiny", "out")
    assert (first["speedup"], first["agreement"]) == (None, None)
    assert second["speedup_ci95"][0] <= second["speedup"] <= second["speedup_ci95"][1]
    assert second["agreement"] > 0.5
    assert first["map"] > 0.9
    assert 0 < first["p50_ms"] <= first["p90_ms"] <= first["p99_ms"]


def test_without_images_the_time_alone_is_a_table(edgekit, tiny):
    ended = edgekit("bench", tiny.model)

    header, row = ended.stdout.splitlines()
    assert header.split()[:2] == ["model", "p50_ms"]
    assert "map" not in header
    assert row.split()[0] == "tiny"


def test_the_same_model_twice_is_refused(edgekit, tiny):
    ended = edgekit("bench", tiny.model, tiny.model)

    assert (ended.code, ended.stdout) == (2, "")
    assert "different names" in ended.stderr


def test_a_model_that_is_not_there_is_named(edgekit):
    ended = edgekit("bench", "nowhere.onnx")

    assert (ended.code, ended.stdout) == (2, "")
    assert "nowhere.onnx" in ended.stderr
