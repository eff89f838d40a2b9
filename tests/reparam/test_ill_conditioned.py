"""Networks that make much of a rounding error: what is right passes, what is wrong does not."""

from types import SimpleNamespace

import numpy as np
import onnx_ir as ir
import pytest
import torch

from edgekit.backends.onnxruntime import OnnxRuntime
from edgekit.errors import ParityError
from edgekit.export.torch_onnx import ExportOptions, export_detector
from edgekit.graphs import graph_from_model
from edgekit.nets.architectures.registry import ARCHITECTURES
from edgekit.reparam.normal_form import infer_shapes, normal_form
from edgekit.reparam.parity import TOLERANCE, prove_parity
from edgekit.reparam.probes import probe_inputs
from edgekit.reparam.reparameterize import reparameterize
from tests.published import fill

RUNTIME = OnnxRuntime(threads=1, optimize=False)
SIDE = 96


@pytest.fixture(scope="module", params=["yolov5n", "yolov8n"])
def network(request):
    """A network that normalizes what it sees, before and after its rewrites."""
    module = fill(ARCHITECTURES[request.param].build(80))
    norms = [part for part in module.modules() if isinstance(part, torch.nn.BatchNorm2d)]
    for norm in norms:
        norm.train().momentum = None
        norm.reset_running_stats()
    with torch.inference_mode():
        module(torch.rand(4, 3, SIDE, SIDE))
    detector = SimpleNamespace(
        module=module.eval(),
        family=request.param,
        class_names=(),
        strides=(8.0, 16.0, 32.0),
        end_to_end=False,
        notes=(),
    )
    exported = export_detector(detector, ExportOptions((SIDE, SIDE)))
    before = graph_from_model(infer_shapes(normal_form(exported.model)))
    probes = probe_inputs(before)
    after = reparameterize(before, RUNTIME, probes)
    return SimpleNamespace(before=before, after=after, probes=probes)


def with_weights(graph, node_name, change):
    """The graph with other weights in one layer."""
    model = graph.model.clone()
    node = next(node for node in model.graph if node.name == node_name)
    weight = node.inputs[1]
    weight.const_value = ir.tensor(change(weight.const_value.numpy()), name=weight.name)
    return graph_from_model(model)


@pytest.mark.slow
def test_an_exact_fold_passes_though_rounding_goes_beyond_the_tolerance(network):
    parity = network.after.parity

    assert parity.max_rel > TOLERANCE
    assert parity.noise > TOLERANCE


@pytest.mark.slow
@pytest.mark.parametrize(
    "change",
    [
        lambda weight: weight * np.float32(1.001),
        lambda weight: np.roll(weight, 1, axis=0),
        lambda weight: weight * (1 + 0.01 * (np.arange(len(weight)) == 0)[:, None, None, None]),
    ],
    ids=["all weights by a thousandth", "channels in a wrong order", "one channel by a hundredth"],
)
def test_a_wrong_fold_is_caught_all_the_same(network, change):
    for done in network.after.done[:: len(network.after.done) // 4]:
        wrong = with_weights(
            network.after.graph, done.node, lambda weight: change(weight).astype(np.float32)
        )

        with pytest.raises(ParityError, match="changed what the network computes"):
            prove_parity(network.before, wrong, RUNTIME, network.probes)
