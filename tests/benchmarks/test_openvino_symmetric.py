import sys
from pathlib import Path

import numpy as np
import pytest
from onnx import numpy_helper

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

import openvino_symmetric
from openvino_symmetric import Joined


def zero_points(model):
    """The zero point and its type of every quantized value, by name."""
    found = {i.name: numpy_helper.to_array(i) for i in model.graph.initializer}
    nodes = [node for node in model.graph.node if node.op_type == "QuantizeLinear"]
    zeros = {node.input[0]: found[node.input[2]] for node in nodes}
    return {name: (int(zero), zero.dtype) for name, zero in zeros.items()}


@pytest.fixture(scope="module")
def block():
    draw = np.random.default_rng(0)
    feeds = {"x": draw.normal(size=(1, 3, 32, 32)).astype(np.float32)}
    return openvino_symmetric.quantized(openvino_symmetric.silu_block(draw), feeds), feeds


@pytest.mark.parametrize(
    "case",
    [
        Joined(),
        Joined(0.3, 5),
        Joined(0.02, -3, offset=128),
        Joined(scale=2.5, joined=False),
    ],
)
def test_onnx_runtime_computes_what_is_called_exact(case):
    integers, feeds = openvino_symmetric.weights_of(), openvino_symmetric.feeds_of(case)
    rounded = openvino_symmetric.exact(openvino_symmetric.seen(case, feeds), case)

    found = openvino_symmetric.in_onnxruntime(openvino_symmetric.model_of(case, integers), feeds)

    expected = openvino_symmetric.convolved(rounded, integers)
    assert openvino_symmetric.decibels(expected, found) > 120


def test_without_its_scale_a_value_is_one_of_as_many_whole_numbers_as_its_range_has():
    case = Joined(0.02)  # -2.56 to 2.54
    values = np.array([-9.0, -2.56, -0.1, 0.4, 0.5, 2.54, 9.0])

    found = openvino_symmetric.lost_scale(values, case)

    sixths = [0, 0, 2.46 / 0.85, 2.96 / 0.85, 3.06 / 0.85, 6, 6]
    assert found.tolist() == [round(step) - 3 for step in sixths]


@pytest.mark.parametrize("scale", [1 / 512, 1.0])
def test_where_steps_of_one_are_no_loss_nothing_is_lost(scale):
    case = Joined(scale)
    values = np.linspace(-140, 140, 1001) * scale

    found = openvino_symmetric.lost_scale(values, case)

    assert found == pytest.approx(openvino_symmetric.exact(values, case))


def test_noise_of_a_tenth_is_twenty_decibels():
    signal = np.array([1.0, -2.0])

    assert openvino_symmetric.decibels(signal, signal * 1.1) == 20.0


def test_the_block_is_symmetric_until_it_is_made_unsigned(block):
    signed, feeds = block
    values = zero_points(signed)
    unsigned = openvino_symmetric.unsigned(signed, values)

    assert set(values.values()) == {(0, np.dtype(np.int8))}
    assert set(zero_points(unsigned).values()) == {(128, np.dtype(np.uint8))}
    before, after = (openvino_symmetric.in_onnxruntime(m, feeds) for m in (signed, unsigned))
    assert before == pytest.approx(after, abs=1e-6)


def test_only_what_a_concat_makes_or_reads_is_beside_it(block):
    signed, _ = block

    beside = openvino_symmetric.beside_joins(signed)

    assert beside == {"left", "right", "added", "joined"}
    assert beside < zero_points(signed).keys()
    changed = zero_points(openvino_symmetric.unsigned(signed, beside))
    assert {name for name, zero in changed.items() if zero[0]} == beside
