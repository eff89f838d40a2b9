"""Training-time blocks of every make: each one convolution in the end, whatever it is called."""

import warnings
from collections import Counter

import numpy as np
import pytest
import torch

from edgekit.backends.onnxruntime import OnnxRuntime
from edgekit.export.simplify import simplify
from edgekit.graphs import graph_from_model, graph_to_bytes
from edgekit.reparam.normal_form import infer_shapes, normal_form
from edgekit.reparam.probes import probe_inputs
from edgekit.reparam.reparameterize import reparameterize
from tests.reparam.structures import CHANNELS, HEIGHT, WIDTH, Builder, any_block
from tests.reparam.torch_structures import Blocks, Spp, all_blocks

RUNTIME = OnnxRuntime(threads=1, optimize=False)
BLOCKS = 25


def outputs_of(graph, feeds: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    with RUNTIME.open(graph_to_bytes(graph)) as session:
        return session.run(feeds)


@pytest.mark.parametrize("seed", range(12))
def test_of_every_block_one_convolution_is_left_that_gives_the_same(seed):
    builder = Builder(np.random.default_rng(seed))
    graph = builder.graph([any_block(builder, "x") for _ in range(BLOCKS)])
    x = builder.rng.normal(size=(1, CHANNELS, HEIGHT, WIDTH)).astype(np.float32)

    result = reparameterize(graph, RUNTIME, probe_inputs(graph))

    left = Counter(node.op_type for node in result.graph.model.graph)
    assert left == {"Conv": BLOCKS, "Relu": BLOCKS}
    assert result.refused == ()
    assert max(proof.error for proof in result.proofs) <= 1
    wanted, found = outputs_of(graph, {"x": x}), outputs_of(result.graph, {"x": x})
    for name, values in wanted.items():
        np.testing.assert_allclose(found[name], values, atol=1e-5 * max(1, values.max()))


@pytest.fixture(scope="module")
def exported():
    """All blocks in torch, and as its exporter writes them when it is not to optimize."""
    torch.manual_seed(0)
    module = Blocks(*all_blocks(), Spp()).eval()
    image = torch.randn(1, CHANNELS, 12, 14)
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(module, (image,), dynamo=True, optimize=False, verbose=False)
        wanted = [output.numpy() for output in module(image)]
    graph = graph_from_model(infer_shapes(normal_form(program.model)))
    return simplify(graph, RUNTIME, probe_inputs(graph)), image.numpy(), wanted


def renamed(graph):
    """``graph`` with a name for every node and value in it that tells nothing."""
    model = graph.model.clone()
    computed = (v for node in model.graph for v in (*node.inputs, *node.outputs) if v is not None)
    for number, thing in enumerate(dict.fromkeys([*model.graph, *computed])):
        thing.name = f"{7919 * (number + 1) % 104729:x}"
    return graph_from_model(model)


@pytest.mark.parametrize("rename", [False, True], ids=["names of torch", "other names"])
def test_of_every_block_that_torch_exports_one_convolution_is_left(exported, rename):
    graph, image, wanted = exported
    graph = renamed(graph) if rename else graph
    assert len(graph.model.graph) > 300

    result = reparameterize(graph, RUNTIME, probe_inputs(graph))

    left = Counter(node.op_type for node in result.graph.model.graph)
    blocks = len(wanted)
    assert left == {
        "Conv": blocks - 7,
        "ConvTranspose": 6,
        "Relu": blocks,
        "Clip": 1,
        "MaxPool": 3,
        "Concat": 1,
    }
    assert [r.reason for r in result.refused] == []
    pools = [n for n in result.graph.model.graph if n.op_type == "MaxPool"]
    assert {pool.attributes.get_ints("kernel_shape") for pool in pools} == {(5, 5)}
    (given,) = result.graph.model.graph.inputs
    found = outputs_of(result.graph, {given.name: image})
    for values, expected in zip(found.values(), wanted, strict=True):
        np.testing.assert_allclose(values, expected, atol=1e-5 * max(1, expected.max()))
