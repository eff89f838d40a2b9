from __future__ import annotations

from dataclasses import replace

import pytest

from edgekit.backends.onnxruntime import OnnxRuntime
from edgekit.config.calibration import open_source
from edgekit.graphs import graph_to_bytes
from edgekit.images.classes import match_classes
from edgekit.measure.accuracy import agreement, detect_all
from edgekit.measure.candidate import Candidate
from edgekit.measure.machine import describe_machine
from edgekit.pipeline.options import ModelOptions
from edgekit.pipeline.prepare import prepare
from edgekit.tune import trials as module
from edgekit.tune.journal import Journal
from edgekit.tune.network import tuned_network
from edgekit.tune.trials import Bench
from tests.pipeline.tiny import BRIEF

RUNTIME = OnnxRuntime(threads=1, spin=False)


@pytest.fixture(scope="module")
def tuned(network, images, precision):
    return tuned_network(network, images, precision, RUNTIME)


@pytest.fixture(scope="module")
def scored(tiny):
    return open_source(str(tiny.labels))


@pytest.fixture(scope="module")
def bench(tiny, tuned, scored, tmp_path_factory):
    """Measures briefly, on labelled images."""
    folder = tmp_path_factory.mktemp("models")
    (folder / "fp32.onnx").write_bytes(graph_to_bytes(tuned.network.graph))
    detector = prepare(tiny.model, ModelOptions())
    baseline = Candidate(
        name="fp32",
        backend=RUNTIME,
        model=folder / "fp32.onnx",
        head=tuned.network.head,
        nms=detector.convention.nms,
        preprocess=tuned.network.preprocess,
        input="u8-nhwc",
    )
    ids = match_classes(detector.source.class_names, scored.categories, 3)
    return Bench(baseline, scored, ids, Journal(None), folder, latency=BRIEF, confirmation=BRIEF)


@pytest.fixture(scope="module")
def int8(bench, tuned):
    return bench.attempt(tuned, frozenset(), "int8")


def test_fp32_agrees_with_itself_and_loses_nothing(bench, tuned):
    trial = bench.attempt(tuned, frozenset(tuned.forecaster.layers), "all")

    assert (trial.precision, trial.loss) == ("fp32", pytest.approx(0))
    assert trial.figures.map_drop_points == pytest.approx(0)
    assert trial.figures.speedup_ci95[0] <= trial.figures.speedup <= trial.figures.speedup_ci95[1]


def test_a_trial_scores_the_network_that_was_asked_for(bench, tuned, int8, scored, tmp_path):
    (tmp_path / "int8.onnx").write_bytes(graph_to_bytes(tuned.graph(frozenset())))
    other = replace(bench.baseline, name="int8", model=tmp_path / "int8.onnx")
    found = agreement(detect_all(bench.baseline, scored), detect_all(other, scored), scored)

    assert (int8.precision, int8.in_float) == ("int8", frozenset())
    assert int8.figures.agreement == pytest.approx(found)
    assert int8.loss == pytest.approx(1 - found)
    assert 0 < int8.figures.p50_ms <= int8.figures.p90_ms


def test_what_was_measured_is_remembered_whatever_it_is_called(bench, tuned, int8):
    again = bench.attempt(tuned, frozenset(), "another name")

    assert again.figures is int8.figures


def test_other_images_another_runtime_or_longer_timing_are_other_figures(bench, tuned, scored):
    candidate = bench._candidate(tuned, tuned.network.graph, "fp32")
    fewer = replace(scored, records=scored.records[:5])
    changed = [
        replace(bench, search=fewer)._key(candidate),
        replace(bench, latency=replace(BRIEF, min_runs=11))._key(candidate),
        bench._key(replace(candidate, backend=replace(RUNTIME, threads=2))),
        bench._key(bench._candidate(tuned, tuned.graph(frozenset()), "fp32")),
    ]

    assert len({bench._key(candidate), *changed}) == 5
    assert bench._key(replace(candidate, name="renamed")) == bench._key(candidate)


def test_figures_are_those_of_one_decode_and_one_meaning_of_classes(bench, tuned):
    candidate = bench._candidate(tuned, tuned.network.graph, "fp32")
    head = candidate.head.model_copy(update={"classes": 1})
    changed = [
        bench._key(replace(candidate, head=head)),
        bench._key(replace(candidate, nms=candidate.nms.model_copy(update={"iou": 0.5}))),
        replace(bench, category_ids=bench.category_ids[::-1])._key(candidate),
        replace(bench, category_ids=None)._key(candidate),
    ]

    assert len({bench._key(candidate), *changed}) == 5


@pytest.mark.parametrize("package", ["onnxruntime", "opencv-python-headless"])
def test_figures_are_those_of_the_installed_versions(bench, tuned, monkeypatch, package):
    candidate = bench._candidate(tuned, tuned.network.graph, "fp32")
    machine = describe_machine()
    another = replace(machine, versions={**machine.versions, package: "0.1"})
    here = bench._key(candidate)

    monkeypatch.setattr(module, "describe_machine", lambda: another)

    assert bench._key(candidate) != here


def test_without_labels_there_is_agreement_and_no_map(bench, tuned, scored):
    blind = replace(bench, category_ids=None, journal=Journal(None))

    figures = blind.attempt(tuned, frozenset(), "int8").figures

    assert (figures.map, figures.map_drop_points, figures.map_drop_ci95) == (None, None, None)
    assert figures.agreement is not None


def test_trials_of_several_sizes_are_ranked_by_what_they_lose_in_map(bench, tuned, int8):
    by_labels = replace(bench, by_labels=True)

    assert by_labels.attempt(tuned, frozenset(), "int8").loss == int8.figures.map_drop_points


def test_trials_timed_together_keep_all_but_their_times(bench, tuned, int8):
    every = bench.attempt(tuned, frozenset(tuned.forecaster.layers), "all")

    again = bench.timed_together([int8, every])

    assert [trial.name for trial in again] == ["int8", "all"]
    for before, after in zip((int8, every), again, strict=True):
        assert replace(after, figures=before.figures) == before
        assert after.figures.agreement == before.figures.agreement
        low, high = after.figures.speedup_ci95
        assert low <= after.figures.speedup <= high
