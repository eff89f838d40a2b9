import numpy as np

from edgekit.backends.onnxruntime import OnnxRuntime
from edgekit.reparam.alone import normalizations_as_convolutions
from edgekit.reparam.blocks import prove_blocks
from edgekit.reparam.parity import prove_parity
from edgekit.reparam.probes import probe_inputs
from edgekit.reparam.rules import Rewrite
from tests.networks import network

RUNTIME = OnnxRuntime(threads=1, optimize=False)
RNG = np.random.default_rng(0)
STATS = {n: RNG.uniform(0.1, 2, 3).astype(np.float32) for n in ("gamma", "beta", "mean", "var")}
BN = "BatchNormalization(r, gamma, beta, mean, var)"


def test_a_normalization_is_a_depthwise_pixel_of_the_same_name():
    graph = network(f"g (float[1,3,4,5] x) => (y) {{ r = Relu(x) y = {BN} }}", **STATS)
    result = normalizations_as_convolutions(graph)
    conv = result.graph.model.graph[1]

    assert (conv.op_type, conv.name) == ("Conv", "BatchNormalization")
    assert (conv.attributes.get_int("group"), tuple(conv.inputs[1].shape)) == (3, (3, 1, 1, 1))
    rule, name = "a batch normalization on its own", "BatchNormalization"
    assert result.done == (Rewrite(rule, name, (name,), "r", "y"),)
    (proof,) = prove_blocks(graph, result, RUNTIME, probe_inputs(graph)[1])
    assert 0 < proof.difference < 1e-6
    assert prove_parity(graph, result.graph, RUNTIME, probe_inputs(graph)).max_rel < 1e-6


def test_one_over_no_image_stays_with_the_reason():
    graph = network(f"g (float[1,3] x) => (y) {{ r = Relu(x) y = {BN} }}", **STATS)
    result = normalizations_as_convolutions(graph)

    assert result.done == ()
    assert "no image of a known size" in result.refused[0].reason


def test_other_nodes_are_no_business_of_it():
    graph = network("g (float[1,3,4,4] x) => (y) { y = Relu(x) }")
    result = normalizations_as_convolutions(graph)

    assert (result.done, result.refused, result.graph) == ((), (), graph)
