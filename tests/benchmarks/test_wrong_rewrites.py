import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgekit.backends.onnxruntime import OnnxRuntime
from edgekit.graphs import graph_to_proto
from edgekit.reparam.parity import prove_parity
from edgekit.reparam.probes import probe_inputs
from edgekit.reparam.reparameterize import reparameterize
from tests.networks import network

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

import wrong_rewrites
from wrong_rewrites import CHANGES, Found

RANDOM = np.random.default_rng(0)
BODY = """g (float[1,3,8,8] x) => (y) {
  a = Conv<pads=[1,1,1,1]>(x, w)
  b = Conv(x, v)
  s = Add(a, b)
  n = BatchNormalization(s, scale, shift, mean, var)
  y = Relu(n)
}"""
WEIGHTS = {
    "w": RANDOM.normal(size=(4, 3, 3, 3)),
    "v": RANDOM.normal(size=(4, 3, 1, 1)),
    "scale": RANDOM.uniform(0.5, 2, 4),
    "shift": RANDOM.uniform(0.5, 2, 4),
    "mean": RANDOM.normal(size=4),
    "var": RANDOM.uniform(0.5, 2, 4),
}


@pytest.fixture(scope="module")
def subject():
    weights = {name: array.astype(np.float32) for name, array in WEIGHTS.items()}
    before, backend = network(BODY, **weights), OnnxRuntime(threads=1, optimize=False)
    probes = probe_inputs(before)
    after = reparameterize(before, backend, probes).graph
    return wrong_rewrites.subject(before, after, probes, backend)


def weights_of(graph):
    from onnx import numpy_helper

    return [numpy_helper.to_array(array) for array in graph_to_proto(graph).graph.initializer]


def test_the_steps_lead_to_what_a_conversion_writes(subject):
    ours = wrong_rewrites.rewritten(subject.before, subject.backend, subject.probes[-1])
    made_by = wrong_rewrites.last_steps(subject.before)

    assert [node.op_type for node in ours.model.graph] == ["Conv", "Relu"]
    assert list(made_by) == [ours.model.graph[0].name] == [subject.after.model.graph[0].name]
    for mine, theirs in zip(weights_of(ours), weights_of(subject.after), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_every_wrong_rewrite_of_one_layer_is_found(subject):
    found = wrong_rewrites.figures(subject, layers=5)

    assert len(found["layers"]) == 1
    assert list(found["changes"]) == list(CHANGES)
    for counts in found["changes"].values():
        assert (counts["tried"], counts["either"]) == (1, 1)


def test_a_small_change_that_the_whole_network_hides_is_found_in_its_layer(subject):
    ((node, step),) = wrong_rewrites.last_steps(subject.before).items()

    found = wrong_rewrites.judged(subject, node, "all weights 0.01 % larger", step)

    assert (found.network, found.layer) == (False, True)
    assert 1e-6 < found.max_rel < 1e-3


def test_the_comparison_is_that_of_a_conversion(subject):
    proof = prove_parity(subject.before, subject.after, subject.backend, subject.probes)

    found = wrong_rewrites.compared(subject, subject.after)

    assert (found.max_rel, found.worst) == (proof.max_rel, proof.worst)
    assert (
        wrong_rewrites.compared(replace(subject, expected=moved(subject.expected)), subject.after)
        is None
    )


def moved(values):
    return [{name: array + 1 for name, array in run.items()} for run in values]


def test_the_right_layer_is_not_found_wrong(subject):
    ((before, right),) = wrong_rewrites.last_steps(subject.before).values()

    assert not wrong_rewrites._layer_is_wrong(before, right, subject)


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_of_one_array_and_leaves_the_graph_it_was_made_from(subject, name):
    before = weights_of(subject.after)
    node = subject.after.model.graph[0].name

    wrong = wrong_rewrites.changed(subject.after, node, name)

    differ = [not np.array_equal(a, b) for a, b in zip(before, weights_of(wrong), strict=True)]
    assert sum(differ) == 1
    for kept, now in zip(before, weights_of(subject.after), strict=True):
        np.testing.assert_array_equal(kept, now)


def test_a_change_that_changes_nothing_is_none():
    graph = network("g (float[1,1,2,2] x) => (y) { y = Conv(x, w) }", w=np.ones((1, 1, 1, 1), "f"))
    node = graph.model.graph[0].name

    made = {name: wrong_rewrites.changed(graph, node, name) for name in CHANGES}

    none = {name for name, graph in made.items() if graph is None}
    assert none == {
        "output channels moved by one",
        "kernel mirrored",
        "kernel moved by one column",
        "the bias of one channel gone",
    }


def test_what_either_proof_finds_counts_once():
    found = [
        Found(network=True, layer=True, max_rel=None),
        Found(network=False, layer=True, max_rel=1e-5),
        Found(network=False, layer=False, max_rel=1e-5),
    ]

    assert wrong_rewrites.counted(found) == {"tried": 3, "network": 1, "layer": 2, "either": 2}
