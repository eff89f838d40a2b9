from types import SimpleNamespace

import numpy as np
import pytest
import torch

from edgekit.backends.onnxruntime import OnnxRuntime
from edgekit.export.torch_onnx import ExportOptions, export_detector
from edgekit.graphs import graph_to_bytes
from edgekit.load.onnx_file import load_onnx
from edgekit.nets.architectures.registry import ARCHITECTURES
from edgekit.nets.blocks.mobileone import MobileOneBlock
from edgekit.reparam.probes import probe_inputs
from edgekit.reparam.reparameterize import reparameterize
from tests.published import fill, on_meta, printed_as, run_on_meta, work

RUNTIME = OnnxRuntime(threads=1, optimize=False)
NAMES = ("mobileone-s0", "mobileone-s1")
SIDE = 64


@pytest.mark.parametrize("name", NAMES)
def test_its_size_is_the_published_one(name):
    known = ARCHITECTURES[name]

    found = work(on_meta(name, 1000), known.side)

    assert printed_as(known, found.parameters) == known.parameters
    assert f"{found.macs / 1e9:.3f}" == f"{known.gmacs:.3f}"


def test_it_classifies_and_gives_maps_to_a_neck():
    module = on_meta(NAMES[0], 7)

    assert run_on_meta(module, 64).shape == (1, 7)
    with torch.inference_mode(), torch.device("meta"):
        maps = module.features(torch.zeros(1, 3, 64, 64))
    assert [tuple(x.shape[1:]) for x in maps] == [(128, 8, 8), (256, 4, 4), (1024, 2, 2)]


@pytest.mark.slow
def test_every_block_becomes_one_convolution(tmp_path):
    module = fill(ARCHITECTURES[NAMES[0]].build(10))
    detector = SimpleNamespace(
        module=module,
        family="mobileone",
        class_names=(),
        strides=(8, 16, 32),
        end_to_end=False,
        notes=(),
    )
    path = tmp_path / "network.onnx"
    path.write_bytes(graph_to_bytes(export_detector(detector, ExportOptions((SIDE, SIDE)))))
    graph = load_onnx(path, RUNTIME).graph
    image = np.random.default_rng(2).uniform(size=(1, 3, SIDE, SIDE)).astype(np.float32)

    done = reparameterize(graph, RUNTIME, probe_inputs(graph))

    kinds = [node.op_type for node in done.graph.model.graph]
    blocks = [part for part in module.modules() if isinstance(part, MobileOneBlock)]
    assert kinds.count("Conv") == len(blocks) == 43
    assert "BatchNormalization" not in kinds
    assert done.refused == ()
    with RUNTIME.open(graph_to_bytes(done.graph)) as session:
        (found,) = session.run({graph.model.graph.inputs[0].name: image}).values()
    expected = module(torch.from_numpy(image)).numpy()
    assert np.abs(found - expected).max() <= 1e-4 * np.abs(expected).max()
    assert expected.std() > 0
