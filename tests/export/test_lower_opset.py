import numpy as np
import onnx
import pytest
import torch

from edgekit.errors import ConfigError
from edgekit.export.lower_opset import lower_opset
from edgekit.export.torch_onnx import ExportOptions, export_detector
from edgekit.graphs import graph_from_proto, graph_to_bytes, graph_to_proto
from edgekit.load.onnx_file import LoadOptions, load_onnx
from edgekit.nets.architectures.registry import ARCHITECTURES
from edgekit.reparam.normal_form import infer_shapes, normal_form
from edgekit.reparam.parity import prove_parity
from edgekit.reparam.probes import probe_inputs
from tests.export.opsets import RUNTIME, graph_of, largest_difference, op_types
from tests.networks import network
from tests.published import fill

MODELS = (
    "picodet_s_320_coco",
    "yolov10s_e2e_unfused",
    "yolov5n",
    "yolov5n_stalegrid",
    "yolov8n",
    "yolov8n_unfused",
    "yolox_nano_kazuhito",
)


def test_an_older_graph_stays_as_it_is():
    graph = network("g (float[1,2] x) => (y) { y = Relu(x) }")

    assert lower_opset(graph, 17) is graph
    assert lower_opset(graph, 20) is graph


def test_nothing_is_older_than_quantization_per_channel():
    with pytest.raises(ConfigError, match="opset 12: expected 13 or later"):
        lower_opset(network("g (float[1,2] x) => (y) { y = Relu(x) }"), 12)


def test_the_file_says_the_oldest_format_that_has_the_opset():
    lowered = lower_opset(graph_of("g (float[1,2] x) => (y) { y = Relu(x) }", 17), 14)

    assert (lowered.model.ir_version, lowered.model.opset_imports[""]) == (7, 14)


def test_an_operator_that_is_newer_is_refused_with_the_opset_that_has_it():
    graph = graph_of("g (float[1,2,4,5] x, float[1,3,3,2] at) => (y) { y = GridSample(x, at) }", 20)

    with pytest.raises(ConfigError, match=r"'GridSample' \(GridSample\).*no such.*Set opset to 16"):
        lower_opset(graph, 13)


def test_a_type_that_is_newer_is_refused():
    graph = graph_of("g (bool[3] x) => (y) { y = ReduceMax(x) }", 20)

    with pytest.raises(ConfigError, match=r"input 0 may not be tensor\(bool\) before"):
        lower_opset(graph, 19)


def test_an_input_that_is_newer_is_refused():
    model = graph_of("g (float[1,2] x) => (y) { y = Relu(x) }", 20)
    node = model.model.graph[0]
    node.resize_inputs(2)
    node.replace_input_with(1, model.model.graph.inputs[0])

    with pytest.raises(ConfigError, match="input 1 came with a later opset"):
        lower_opset(model, 13)


def test_all_that_is_refused_is_named():
    graph = graph_of("g (float[1,6] x) => (y) { m = Shape<start=1>(x) y = Shape<start=1>(m) }", 17)

    with pytest.raises(ConfigError, match=r"'Shape' .*'start'.*; 'Shape_1' .*Set opset to 15"):
        lower_opset(graph, 14)


def test_what_a_runtime_adds_to_onnx_stays():
    quantized = graph_of(
        "g (float[1,6] x) => (float[1,6] y) { q = com.microsoft.QuantizeLinear(x, s, z)"
        " y = com.microsoft.DequantizeLinear(q, s, z) }",
        18,
        s=np.float32(0.1),
        z=np.uint16(7),
    )
    lowered = lower_opset(quantized, 13)

    assert {node.domain for node in lowered.model.graph} == {"com.microsoft"}
    assert largest_difference(quantized, 13) == 0


def test_the_branches_of_an_if_are_lowered_too():
    graph = graph_of(
        """g (float[1,6] x, bool b) => (float[1,6] y) { y = If (b) <
        then_branch = t () => (float[1,6] u) { u = Mish(x) },
        else_branch = e () => (float[1,6] v) { v = Relu(x) }> }""",
        18,
    )
    feeds = {"x": np.ones((1, 6), np.float32), "b": np.array(True)}

    assert largest_difference(graph, 13, feeds) < 1e-6
    assert "Mish" not in {node.op_type for node in lower_opset(graph, 13).model.graph.all_nodes()}


def test_a_graph_is_not_changed_by_lowering_it():
    graph = graph_of("g (float[1,6] x) => (y) { y = Mish(x) }", 18)
    lowered = lower_opset(graph, 17)

    assert (op_types(graph), lowered.parent) == (["Mish"], graph.sha256)


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_real_models_compute_the_same_in_every_older_opset(data_dir, name):
    source = load_onnx(data_dir / "models" / f"{name}.onnx", RUNTIME, LoadOptions())
    raised = onnx.version_converter.convert_version(graph_to_proto(source.graph), 18)
    graph = graph_from_proto(raised)
    probes = probe_inputs(source.graph)[:1]

    for opset in (17, 13):
        lowered = lower_opset(graph, opset)
        onnx.checker.check_model(graph_to_proto(lowered), full_check=True)
        assert prove_parity(source.graph, lowered, RUNTIME, probes).max_rel <= 1e-6


class Published:
    class_names, strides, end_to_end, notes = (), (8.0, 16.0, 32.0), False, ()

    def __init__(self, name):
        torch.manual_seed(0)
        self.family, self.module = name, fill(ARCHITECTURES[name].build(80))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["yolov8n", "yolov10n", "yolo11n"])
def test_exports_of_torch_compute_the_same_in_every_older_opset(name):
    graph = export_detector(Published(name), ExportOptions((96, 96)))
    graph = graph_from_proto(
        graph_to_proto(type(graph)(infer_shapes(normal_form(graph.model)), ""))
    )
    assert graph.model.opset_imports[""] == 18

    for opset in (17, 15, 13):
        lowered = lower_opset(graph, opset)
        onnx.checker.check_model(graph_to_bytes(lowered), full_check=True)
        assert prove_parity(graph, lowered, RUNTIME, probe_inputs(graph)).max_rel <= 1e-6
