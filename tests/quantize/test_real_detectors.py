"""A real detector in 8 bits: depthwise layers, SiLU, joins, a focus of slices."""

from dataclasses import replace

import numpy as np
import pytest

from edgekit.backends.coverage import NOT_FUSED, read_coverage
from edgekit.backends.onnxruntime import OnnxRuntime
from edgekit.config.calibration import open_source
from edgekit.config.recipe import Int8
from edgekit.macs import macs_per_node
from edgekit.pipeline.int8 import Int8Options, quantize_network
from edgekit.pipeline.options import ModelOptions
from edgekit.pipeline.prepare import network_of, prepare
from edgekit.quantize.select import LAST

pytestmark = pytest.mark.data


@pytest.fixture(scope="module")
def network(data_dir):
    return network_of(prepare(data_dir / "models" / "yolox_nano_kazuhito.onnx", ModelOptions()))


@pytest.fixture(scope="module")
def quantized(network, data_dir):
    """In 8 bits but for every tenth layer."""
    images = open_source(str(data_dir / "coco-train-mini" / "images"))
    kept = tuple(macs_per_node(network.graph))[::10]
    options = Int8Options(Int8(kind="int8", keep_float=kept), "narrow")
    return quantize_network(network, replace(images, records=images.records[:2]), options)


def multiplied(quantized):
    """Names of the last layers that are products of integers."""
    return {n.name for n in quantized.graph.model.graph if n.op_type == "Gemm"}


def test_the_runtime_runs_in_8_bits_what_was_planned_and_nothing_else(network, quantized):
    layers = set(macs_per_node(network.graph))

    coverage = read_coverage(
        network.graph, quantized.graph, quantized.plan.kept_float, OnnxRuntime()
    )

    in_float = {node.name for node in coverage.float_nodes}
    last = {name for name, reason in quantized.plan.kept_float.items() if reason == LAST}
    assert len(last & multiplied(quantized)) > 4
    assert multiplied(quantized) <= last
    assert in_float == layers - quantized.plan.nodes - multiplied(quantized)
    assert coverage.int8 == len(layers) - len(in_float) > 80
    assert NOT_FUSED not in {node.reason for node in coverage.float_nodes}


def test_weights_in_float_are_the_original_ones(network, quantized):
    before = network.graph.model.graph
    after = {str(node.name): node for node in quantized.graph.model.graph}

    for node in before:
        in_integers = quantized.plan.nodes | multiplied(quantized)
        if node.op_type == "Conv" and node.name not in in_integers:
            now = after[str(node.name)].inputs[1].const_value.numpy()
            np.testing.assert_array_equal(now, node.inputs[1].const_value.numpy())


def test_silu_joins_and_slices_of_the_image_run_in_8_bits(network, quantized):
    operators = read_coverage(
        network.graph, quantized.graph, quantized.plan.kept_float, OnnxRuntime()
    ).operators

    assert {"QLinearSigmoid", "QLinearMul", "QLinearConcat", "QLinearAdd"} <= set(operators)
    assert not {"Sigmoid", "Concat", "Add"} & set(operators)
