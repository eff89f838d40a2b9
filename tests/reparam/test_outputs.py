import numpy as np
import pytest

from edgekit.backends.onnxruntime import OnnxRuntime
from edgekit.reparam.outputs import drop_auxiliary_outputs
from edgekit.reparam.parity import evaluate
from edgekit.reparam.probes import probe_inputs
from tests.networks import network

RNG = np.random.default_rng(0)
RUNTIME = OnnxRuntime(threads=1, optimize=False)
WEIGHTS = {name: RNG.normal(size=(6, 3, 1, 1)).astype(np.float32) for name in "abcd"} | {
    "flat": np.int64([1, 6, -1]),
    "five": np.int64([5]),
    "zero": np.int64([0]),
    "mask": RNG.normal(size=(2, 3, 1, 1)).astype(np.float32),
}
HEAD = "m = Conv<strides=[2,2]>(x, a) n = Conv<strides=[4,4]>(x, b) "
DECODED = "r = Reshape(m, flat) s = Reshape(n, flat) y = Concat<axis=2>(r, s) "
SECOND = "o = Conv<strides=[2,2]>(x, c) p = Conv<strides=[4,4]>(x, d) "
TWIN = "t = Reshape(o, flat) u = Reshape(p, flat) z = Concat<axis=2>(t, u) "
PICKED = (
    "best = ReduceMax<axes=[1], keepdims=0>(y) k, i = TopK(best, five) "
    "j = Squeeze(i, zero) l = Gather<axis=2>(y, j) "
)


def whole(body: str, outputs: str):
    return network(f"g (float[1,3,8,8] x) => ({outputs}) {{ {body} }}", **WEIGHTS)


CASES = {
    "raw maps beside the decode": (HEAD + DECODED, "y, m, n", ["y"]),
    "a second head's raw maps": (HEAD + SECOND + DECODED, "o, p, y, m, n", ["y"]),
    "a second head, decoded": (HEAD + DECODED + PICKED + SECOND + TWIN, "l, z", ["l"]),
    "both heads raw, one picked": (
        HEAD + DECODED + PICKED + SECOND + TWIN,
        "m, n, l, z, o, p",
        ["l"],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_what_only_training_needs_goes_with_what_feeds_it(name):
    body, outputs, left = CASES[name]
    graph = whole(body, outputs)
    feeds = probe_inputs(graph)

    result = drop_auxiliary_outputs(graph)

    assert [v.name for v in result.graph.model.graph.outputs] == left
    assert {d.output for d in result.dropped} == set(outputs.split(", ")) - set(left)
    assert result.graph.parent == graph.sha256
    names = {value.name for node in result.graph.model.graph for value in node.outputs}
    assert names.isdisjoint({"o", "p", "t", "u", "z"})
    wanted, found = (evaluate(g, left, RUNTIME, feeds) for g in (graph, result.graph))
    for before, after in zip(wanted, found, strict=True):
        np.testing.assert_array_equal(after[left[0]], before[left[0]])


def test_each_is_told_with_the_reason():
    body, outputs, _ = CASES["both heads raw, one picked"]
    reasons = {d.output: d.reason for d in drop_auxiliary_outputs(whole(body, outputs)).dropped}

    assert reasons["m"] == reasons["n"] == "'l' is computed from it"
    assert "second head" in reasons["o"]
    assert "nothing picks from it" in reasons["z"]


OTHERS = {
    "one output": (HEAD + DECODED, "y"),
    "masks": (HEAD + DECODED + "z = Conv(x, mask)", "y, m, n, z"),
    "two heads that look alike": (HEAD + DECODED + SECOND + TWIN, "y, z"),
    "raw maps only": (HEAD, "m, n"),
    "scores that labels are computed from": (
        HEAD + DECODED + "z = ArgMax<axis=1, keepdims=0>(y)",
        "y, z",
    ),
    "detections picked from an output": (HEAD + DECODED + PICKED, "y, l"),
    "two that are picked": (HEAD + DECODED + PICKED, "l, k"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_where_one_output_may_be_needed_all_stay(name):
    graph = whole(*OTHERS[name])
    result = drop_auxiliary_outputs(graph)

    assert (result.graph, result.dropped) == (graph, ())
