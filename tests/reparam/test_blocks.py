from dataclasses import replace

import numpy as np
import onnx
import pytest

from edgekit.backends.onnxruntime import OnnxRuntime
from edgekit.errors import ParityError
from edgekit.graphs import graph_from_model, graph_from_proto
from edgekit.reparam.algebra import Linear
from edgekit.reparam.blocks import prove_blocks
from edgekit.reparam.fold import fold_batchnorm
from edgekit.reparam.layers import linear_of, set_linear
from edgekit.reparam.merge import merge_branches
from edgekit.reparam.normal_form import normal_form
from edgekit.reparam.parity import prove_parity
from edgekit.reparam.probes import probe_inputs
from tests.networks import network
from tests.reparam.branches import SameTerm, Sum, centred_term, norm_term

RUNTIME = OnnxRuntime(threads=1)
TEXT = """g (float[1,2,9,9] x) => (y) {
a = Conv<pads=[1,1,1,1], strides=[2,2]>(x, w) b = BatchNormalization(a, gamma, beta, mean, var)
r = Relu(b) c = ConvTranspose<strides=[2,2]>(r, w) d = BatchNormalization(c, gamma, beta, mean, var)
p = GlobalAveragePool(d) f = Flatten(p) m = Gemm(f, v)
y = BatchNormalization(m, gamma, beta, mean, var) }"""


@pytest.fixture
def graph():
    rng = np.random.default_rng(0)
    stats = {name: rng.uniform(0.5, 2, 2).astype("f") for name in ("gamma", "beta", "mean", "var")}
    weights = {"w": rng.normal(size=(2, 2, 3, 3)), "v": rng.normal(size=(2, 2))}
    return network(TEXT, **stats, **{name: array.astype("f") for name, array in weights.items()})


def test_every_fold_is_proved_within_rounding(graph):
    proofs = prove_blocks(graph, fold_batchnorm(graph), RUNTIME, probe_inputs(graph)[1])
    assert [proof.node for proof in proofs] == ["Conv", "ConvTranspose", "Gemm"]
    assert all(proof.error <= 1.0 for proof in proofs)
    assert any(proof.error > 0.0 for proof in proofs)
    assert [proof.crops for proof in proofs] == [9, 9, 1]


@pytest.mark.parametrize("name", ["Conv", "ConvTranspose", "Gemm"])
def test_a_weight_off_by_a_hundred_thousandth_is_found_in_its_layer(graph, name):
    result = fold_batchnorm(graph)
    model = result.graph.model.clone()
    node = next(node for node in model.graph if node.name == name)
    layer = linear_of(node)
    for value in node.inputs[1:]:
        value.name = f"{value.name}.right"
    set_linear(node, Linear(layer.weight * (1 + 1e-5), layer.bias))
    wrong = replace(result, graph=graph_from_model(model))
    assert prove_parity(graph, wrong.graph, RUNTIME, probe_inputs(graph)).max_rel < 1e-3
    with pytest.raises(ParityError, match=rf"into '{name}' changed"):
        prove_blocks(graph, wrong, RUNTIME, probe_inputs(graph)[1])


def test_nothing_folded_is_nothing_to_prove():
    graph = network("g (float[1,2,9,9] x) => (y) { y = Relu(x) }")
    assert prove_blocks(graph, fold_batchnorm(graph), RUNTIME, probe_inputs(graph)[0]) == ()


def test_a_layer_that_took_in_two_normalizations_is_proved_against_both():
    rng = np.random.default_rng(0)
    stats = {name: rng.uniform(0.5, 2, 2).astype("f") for name in ("gamma", "beta", "mean", "var")}
    graph = network(
        """g (float[1,2,9,9] x) => (y) { a = Conv(x, w)
        b = BatchNormalization(a, gamma, beta, mean, var)
        y = BatchNormalization(b, beta, gamma, mean, var) }""",
        **stats,
        w=rng.normal(size=(2, 2, 3, 3)).astype("f"),
    )
    (proof,) = prove_blocks(graph, fold_batchnorm(graph), RUNTIME, probe_inputs(graph)[1])
    assert (proof.node, proof.error <= 1.0) == ("Conv", True)


@pytest.fixture
def branches():
    rng = np.random.default_rng(0)
    terms = [centred_term(rng, (4, 4), k, groups=2) for k in (3, 5)]
    return Sum((4, 8, 8), [*terms, norm_term(rng, 4), SameTerm()]).graph()


def with_layer(result, change):
    """``result`` with ``change`` made to the layer of its only merge."""
    model = result.graph.model.clone()
    (node,) = model.graph
    layer = linear_of(node)
    set_linear(node, Linear(*change(layer.weight, layer.bias)))
    return replace(result, graph=graph_from_model(model))


def test_every_merge_is_proved_within_rounding(branches):
    feeds = probe_inputs(branches)[1]
    (proof,) = prove_blocks(branches, merge_branches(branches), RUNTIME, feeds)
    assert proof.node == "Conv_1"
    assert 0.0 < proof.error <= 1.0


@pytest.mark.parametrize(
    "change",
    [
        lambda w, b: (w * (1 + 1e-5), b),
        lambda w, b: (w, b * (1 + 1e-3)),
        lambda w, b: (np.roll(w, 1, axis=3), b),
    ],
    ids=["weight", "bias", "shifted"],
)
def test_a_wrong_merge_is_found_and_its_branches_named(branches, change):
    wrong = with_layer(merge_branches(branches), change)
    with pytest.raises(ParityError, match=r"'Conv_1', 'Conv', .*branches\) into 'Conv_1' changed"):
        prove_blocks(branches, wrong, RUNTIME, probe_inputs(branches)[1])


def test_branches_that_cancel_are_proved():
    rng = np.random.default_rng(0)
    one = centred_term(rng, (2, 2), 3)
    graph = Sum((2, 6, 6), [one, replace(one, weight=-one.weight, bias=-one.bias)]).graph()
    assert len(prove_blocks(graph, merge_branches(graph), RUNTIME, probe_inputs(graph)[1])) == 1


@pytest.mark.data
def test_the_81_folds_of_yolov10s_are_proved_one_by_one_and_together(data_dir):
    proto = onnx.load(data_dir / "models" / "yolov10s_e2e_unfused.onnx")
    graph = graph_from_model(normal_form(graph_from_proto(proto).model))
    result = fold_batchnorm(graph)
    inputs = probe_inputs(graph)[1:]
    assert len(prove_blocks(graph, result, OnnxRuntime(), inputs[0])) == 81
    parity = prove_parity(graph, result.graph, OnnxRuntime(), inputs)
    assert parity.max_rel < 1e-3
    assert len(parity.compared) == 3
