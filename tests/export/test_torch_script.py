import numpy as np
import pytest
import torch
from torch import nn

from edgekit.backends.onnxruntime import OnnxRuntime
from edgekit.errors import ConfigError, ParityError, StageError
from edgekit.export.torch_onnx import FAMILY, ExportOptions, export_detector
from edgekit.export.torch_parity import prove_export
from edgekit.export.torch_script import is_scripted
from edgekit.graphs import graph_to_proto
from edgekit.load.metadata import read_metadata
from edgekit.nets.program import Flat, Program

RUNTIME = OnnxRuntime(threads=1, optimize=False)
SIZE = ExportOptions((32, 32))
pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")


class Branching(nn.Module):
    """A convolution, a normalization, and a decision on what it computes."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Conv2d(3, 4, 8, 8, bias=False)
        self.norm = nn.BatchNorm2d(4)
        nn.init.uniform_(self.norm.running_var, 0.5, 2)

    def forward(self, images):
        x = self.norm(self.conv(images))
        if bool(images.mean() > 0.4):
            x = x + 10
        return x, [x * 2, x.flatten(1)]


@pytest.fixture(scope="module")
def program():
    module = Flat(torch.jit.script(Branching().eval()))
    return Program(module, "", (), (), end_to_end=False, notes=(), size_hw=(32, 32))


@pytest.fixture(scope="module")
def graph(program):
    return export_detector(program, SIZE)


def images(mean):
    noise = np.random.default_rng(3).random((1, 3, 32, 32), np.float32)
    return noise * np.float32(2 * mean)


def test_script_is_told_from_other_modules(program):
    assert is_scripted(program.module)
    assert not is_scripted(Branching())


def test_normalizations_and_decisions_stay_in_the_graph(graph):
    kinds = [node.op_type for node in graph.model.graph]

    assert kinds.count("BatchNormalization") == 1
    assert "If" in kinds


def test_lists_come_out_as_single_tensors(graph):
    found = [(value.name, tuple(value.shape)) for value in graph.model.graph.outputs]

    shapes = [(1, 4, 4, 4), (1, 4, 4, 4), (1, 64)]
    assert found == [(f"output{place}", shape) for place, shape in enumerate(shapes)]


def test_what_is_not_known_is_not_in_the_metadata(graph):
    said = read_metadata(graph_to_proto(graph))

    assert (said.class_names, said.size_hw) == ((), (32, 32))
    assert {FAMILY, "stride"}.isdisjoint(said.properties)


def test_every_output_is_compared_on_both_sides_of_the_decision(program, graph):
    parity = prove_export(program, graph, RUNTIME, [images(0.2), images(0.8)])

    assert parity.max_rel < 1e-5
    assert len(parity.compared) == 3


@pytest.mark.parametrize("place", [0, 2])
def test_one_output_that_differs_is_noticed(program, graph, place):
    def other(x):
        outputs = list(program.module(x))
        outputs[place] = outputs[place] + 0.1
        return tuple(outputs)

    changed = Program(other, "", (), (), end_to_end=False, notes=(), size_hw=(32, 32))

    with pytest.raises(ParityError, match="relative difference"):
        prove_export(changed, graph, RUNTIME, [images(0.5)])


def test_an_output_more_is_noticed(program, graph):
    more = Program(
        lambda x: (*program.module(x), x), "", (), (), end_to_end=False, notes=(), size_hw=(32, 32)
    )

    with pytest.raises(ParityError, match=r"and \(1, 3, 32, 32\)"):
        prove_export(more, graph, RUNTIME, [images(0.5)])


class Decomposed(nn.Module):
    """What ONNX has no operator for."""

    def forward(self, images):
        return torch.linalg.qr(images)[0]


def test_what_cannot_be_exported_is_told_and_stdout_stays_clean(capfd):
    module = Flat(torch.jit.script(Decomposed()))
    program = Program(module, "", (), (), end_to_end=False, notes=(), size_hw=(32, 32))

    with pytest.raises(StageError, match=r"cannot export this module to ONNX: .*linalg_qr"):
        export_detector(program, SIZE)

    assert capfd.readouterr().out == ""


def test_script_with_any_number_of_images_is_refused(program):
    with pytest.raises(ConfigError, match=r"found TorchScript.*Leave dynamic_batch out"):
        export_detector(program, ExportOptions((32, 32), dynamic_batch=True))
