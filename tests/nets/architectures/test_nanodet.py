from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from edgekit.backends.onnxruntime import OnnxRuntime
from edgekit.export.torch_onnx import ExportOptions, export_detector
from edgekit.graphs import graph_to_bytes
from edgekit.heads.conventions import conventions
from edgekit.heads.find import find_head
from edgekit.load.onnx_file import load_onnx
from edgekit.nets.architectures.registry import ARCHITECTURES
from edgekit.reparam.probes import probe_inputs
from edgekit.reparam.reparameterize import reparameterize
from tests.published import fill, on_meta, printed_as, run_on_meta, work

RUNTIME = OnnxRuntime(threads=1, optimize=False)
# Thousand million operations for images of 320 and of 416, as printed.
PRINTED = {"nanodet-plus-m": ("0.9", "1.52"), "nanodet-plus-m-1.5x": ("1.75", "2.97")}
SIDE = 128


@pytest.mark.parametrize("name", PRINTED)
def test_its_parameters_are_the_published_ones_which_leave_out_batch_norms(name):
    known, module = ARCHITECTURES[name], on_meta(name)
    deployed = (module.backbone, module.fpn, module.head)
    convs = [c for part in deployed for c in part.modules() if isinstance(c, nn.Conv2d)]

    found = sum(p.numel() for conv in convs for p in conv.parameters())

    assert printed_as(known, found) == known.parameters


@pytest.mark.parametrize("name", PRINTED)
@pytest.mark.parametrize("at", [0, 1])
def test_its_operations_are_the_published_ones(name, at):
    found = 2 * work(on_meta(name), (320, 416)[at]).macs / 1e9

    assert found == pytest.approx(float(PRINTED[name][at]), rel=0.01)


def test_predictions_are_as_many_as_cells_and_classes_ask_for():
    module = on_meta("nanodet-plus-m", 7)

    assert run_on_meta(module, 128).shape == (1, 256 + 64 + 16 + 4, 7 + 32)


@pytest.mark.slow
def test_the_deployed_graph_computes_the_same_and_its_head_is_found(tmp_path):
    known = ARCHITECTURES["nanodet-plus-m"]
    module = fill(known.build(5))
    detector = SimpleNamespace(
        module=module,
        family=known.family,
        class_names=(),
        strides=known.strides,
        end_to_end=False,
        notes=(),
    )
    path = tmp_path / "network.onnx"
    path.write_bytes(graph_to_bytes(export_detector(detector, ExportOptions((SIDE, SIDE)))))
    graph = load_onnx(path, RUNTIME).graph
    image = np.random.default_rng(2).normal(size=(1, 3, SIDE, SIDE)).astype(np.float32)

    done = reparameterize(graph, RUNTIME, probe_inputs(graph))

    with RUNTIME.open(graph_to_bytes(done.graph)) as session:
        (found,) = session.run({graph.model.graph.inputs[0].name: image}).values()
    expected = module(torch.from_numpy(image)).numpy()
    assert np.abs(found - expected).max() <= 1e-4 * np.abs(expected).max()
    assert "BatchNormalization" not in {node.op_type for node in done.graph.model.graph}
    assert done.refused == ()
    head = find_head(done.graph, RUNTIME)
    assert (head.spec.kind, head.spec.bins, head.spec.classes) == ("distances", 8, 5)
    assert {part.stride for part in head.spec.parts} == set(known.strides)
    assert head.spec.center == 0
    assert conventions(head, done.graph, "nanodet")[0].preprocess.color == "bgr"
