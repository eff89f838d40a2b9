from dataclasses import replace

import numpy as np
import pytest

from edgekit.config.device import list_devices
from edgekit.errors import ConfigError
from edgekit.estimate.constants import CONSTANTS
from edgekit.macs import macs_per_node
from edgekit.pipeline.estimate import basis, estimate_graph, estimated_row, rank_devices
from edgekit.pipeline.options import ModelOptions
from tests.networks import network


@pytest.fixture(scope="module")
def graph():
    return network(
        """g (float[1, 3, 64, 64] x) => (float[1, 16, 64, 64] y) {
            a = Conv <pads = [1, 1, 1, 1]> (x, w)
            y = Relu(a)
        }""",
        w=np.zeros((16, 3, 3, 3), np.float32),
    )


def test_every_device_with_figures_is_ranked_for_a_model(tiny):
    found = rank_devices(tiny.model, ModelOptions())

    devices = {one.processor.device for one in found.estimates}
    assert devices | set(found.unknown) == set(list_devices())
    assert found.unknown == ("generic-nvidia-gpu", "generic-x86-avx2", "generic-x86-vnni")
    times = [one.ms for one in found.estimates]
    assert times == sorted(times)
    assert found.size_hw == (64, 64)
    assert len(found.sha256) == 64


def test_a_graph_has_one_estimate_on_a_runtime_of_a_device(graph):
    one = estimate_graph(graph, "jetson-orin-nx-16gb", "tensorrt", "int8")

    assert one.precision == "int8"
    assert sum(one.work.operations) == 2 * sum(macs_per_node(graph).values())
    assert one.ms < estimate_graph(graph, "jetson-nano", "tensorrt", "fp16").ms


def test_the_fastest_processor_of_a_runtime_is_taken(graph):
    one = estimate_graph(graph, "intel-lunar-lake", "openvino", "int8")

    assert one.processor.part in {"cpu", "gpu", "npu"}
    assert one.processor.runtime == "openvino"


@pytest.mark.parametrize(
    ("device", "runtime", "precision", "message"),
    [
        ("generic-nvidia-gpu", "tensorrt", "fp16", "found too few of them"),
        ("jetson-nano", "tensorrt", "int8", "expected figures for int8, found those for fp16"),
        ("jetson-nano", "openvino", "fp16", "an estimate of openvino in fp16, found figures for"),
    ],
)
def test_an_estimate_without_figures_is_refused(graph, device, runtime, precision, message):
    with pytest.raises(ConfigError, match=message):
        estimate_graph(graph, device, runtime, precision)


def test_one_device_is_asked_for_before_the_model_is_read(tmp_path):
    with pytest.raises(ConfigError, match="found too few of them"):
        rank_devices(tmp_path / "none.onnx", ModelOptions(), device="generic-nvidia-gpu")


def test_a_row_says_it_was_estimated_and_from_what(graph):
    one = estimate_graph(graph, "jetson-orin-nx-16gb", "tensorrt", "int8")

    row = estimated_row("int8 on Orin NX", one, (64, 64))

    assert (row.status, row.backend, row.precision) == ("estimated", "tensorrt", "int8")
    assert "NVIDIA Jetson Orin NX 16 GB" in row.reason
    assert row.estimate.ms == one.ms
    assert row.estimate.low_ms < row.estimate.ms < row.estimate.high_ms
    assert "jetson-orin-nx-16gb" in row.estimate.basis
    assert (row.latency_ms, row.map, row.fps) == (None, None, None)


def test_a_runtime_that_edgekit_makes_nothing_for_has_no_row(graph):
    one = estimate_graph(graph, "raspberry-pi-5", "ncnn", "fp32")

    with pytest.raises(ConfigError, match="makes models for, found ncnn"):
        estimated_row("ncnn", one, (64, 64))


def test_what_nothing_checked_is_said_to_be_so():
    family = "tensorrt-gpu"
    constants = CONSTANTS[family]

    assert f"on {constants.checked} others" in basis(family, constants)
    assert basis(family, replace(constants, error=None)).endswith("checked on none.")
