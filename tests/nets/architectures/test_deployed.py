"""Published networks exported as they are trained, and folded to what they are deployed as."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from edgekit.backends.onnxruntime import OnnxRuntime
from edgekit.export.torch_onnx import ExportOptions, export_detector
from edgekit.graphs import graph_to_bytes
from edgekit.heads.find import find_head
from edgekit.heads.spec import AnchorsHead, DistancesHead, GridHead
from edgekit.load.onnx_file import load_onnx
from edgekit.macs import macs_per_node
from edgekit.nets.architectures.registry import ARCHITECTURES
from edgekit.nets.heads.distances import Expectation
from edgekit.reparam.probes import probe_inputs
from edgekit.reparam.reparameterize import reparameterize
from tests.published import fill, on_meta, work

RUNTIME = OnnxRuntime(threads=1, optimize=False)
SIDE = 96
HEADS = {
    "yolo11n": DistancesHead,
    "yolov9-t": DistancesHead,
    "yolov7-tiny-training": AnchorsHead,
    "yolov6n": DistancesHead,
    "yolox-nano": GridHead,
    "yolov5s-5.0": AnchorsHead,
    "yolov5-lite-s": AnchorsHead,
    "yolov8n-ghost": DistancesHead,
}


@pytest.fixture(scope="module", params=HEADS)
def network(request, tmp_path_factory):
    """A network with weights of chance, its graph, and the graph after every rewrite."""
    known = ARCHITECTURES[request.param]
    module = fill(known.build(80))
    detector = SimpleNamespace(
        module=module,
        family=known.family,
        class_names=(),
        strides=known.strides,
        end_to_end=False,
        notes=(),
    )
    path = tmp_path_factory.mktemp("exported") / "network.onnx"
    path.write_bytes(graph_to_bytes(export_detector(detector, ExportOptions((SIDE, SIDE)))))
    graph = load_onnx(path, RUNTIME).graph
    done = reparameterize(graph, RUNTIME, probe_inputs(graph))
    return SimpleNamespace(name=known.name, module=module, before=graph, after=done)


def run(graph, image):
    with RUNTIME.open(graph_to_bytes(graph)) as session:
        (out,) = session.run({graph.model.graph.inputs[0].name: image}).values()
    return out


def convolutions(graph):
    return [node for node in graph.model.graph if node.op_type in {"Conv", "ConvTranspose"}]


@pytest.mark.slow
def test_the_deployed_graph_computes_what_the_modules_do(network):
    image = np.random.default_rng(2).uniform(size=(1, 3, SIDE, SIDE)).astype(np.float32)
    expected = network.module(torch.from_numpy(image)).numpy()

    before, after = run(network.before, image), run(network.after.graph, image)

    largest = np.abs(expected).max()
    assert np.abs(before - expected).max() <= 1e-4 * largest
    assert np.abs(after - before).max() <= 1e-4 * largest
    assert after[0].std() > 0


@pytest.mark.slow
def test_nothing_of_the_training_is_left(network):
    kinds = {node.op_type for node in network.after.graph.model.graph}

    assert "BatchNormalization" not in kinds
    assert network.after.refused == ()


@pytest.mark.slow
def test_the_deployed_graph_is_as_large_as_one_kernel_per_place(network):
    counted = work(on_meta(network.name), 640)
    weights = [v for node in convolutions(network.after.graph) for v in node.inputs[1:]]

    # Every map's side is the image's over its stride, for 96 as for 640.
    macs = sum(macs_per_node(network.after.graph).values()) * (640 // 32) ** 2 / (SIDE // 32) ** 2
    # The exporter's bias of the mean over distances.
    zero = any(isinstance(part, Expectation) for part in network.module.modules())
    assert sum(v.const_value.size for v in weights) == counted.parameters + zero
    assert round(macs) == counted.macs


@pytest.mark.slow
def test_its_head_is_found(network):
    head = find_head(network.after.graph, RUNTIME)

    assert isinstance(head.cut.spec, HEADS[network.name])
    assert not head.warnings
