from __future__ import annotations

import numpy as np
import pytest

from edgekit.graphs import graph_to_bytes, with_outputs
from edgekit.quantize.bias import bias_shifts, shift_biases
from edgekit.quantize.encode import encode_weight
from edgekit.quantize.plan import plan
from edgekit.quantize.quantize import quantize
from edgekit.quantize.rules import ORT_X86
from edgekit.values import Range
from tests.networks import network
from tests.quantize.eight_bits import RUNTIME, normal, run

WEIGHTS = {
    "first": normal(4, 3, 3, 3),
    "second": normal(4, 1, 3, 3),
    "third": normal(5, 4, 1, 1, spread=0.1),
    "bias": normal(4, 1)[:, 0],
    "one": np.float32(1 / 255),
    "nought": np.uint8(0),
}
CHAIN = """g (uint8[1,3,9,9] i) => (y) {
    x = DequantizeLinear(i, one, nought)
    a = Conv<pads = [1,1,1,1], strides = [2,2]>(x, first, bias) r = Relu(a)
    b = Conv<group = 4, pads = [1,0,1,0]>(r, second) y = Conv(b, third)
}"""
RANGES = {"r": Range(0.0, 2.0), "b": Range(-1.0, 3.0), "y": Range(-4.0, 4.0)}  # these clip


@pytest.fixture
def graph():
    return network(CHAIN, **WEIGHTS)


@pytest.fixture
def feeds():
    rng = np.random.default_rng(0)
    return [{"i": rng.integers(0, 256, (1, 3, 9, 9), np.uint8)} for _ in range(3)]


def quantized(graph, kept=(), shifts=None):
    decided = plan(graph, ORT_X86, dict.fromkeys(kept, "kept"))
    ranges = {name: RANGES.get(name, Range(-5.0, 5.0)) for name in decided.leaders}
    return quantize(graph, decided, ranges, "narrow", shifts or {})


def in_steps(array, span):
    scale = np.float32((span.high - span.low) / 255)
    zero = np.round(-span.low / scale)
    return ((np.clip(np.round(array / scale) + zero, 0, 255) - zero) * scale).astype(np.float32)


def depthwise(x, kernel):
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))
    return np.einsum("nchwij,cij->nchw", windows, kernel[:, 0])


def outputs(graph, name, feeds):
    return np.concatenate([run(with_outputs(graph, [name]), feed)[name] for feed in feeds])


def biases(graph):
    nodes = [node for node in graph.model.graph if node.op_type == "Conv"]
    return [n.inputs[2].const_value.numpy() if len(n.inputs) > 2 else None for n in nodes]


def test_a_shift_is_the_mean_that_a_layer_loses_on_what_the_float_network_gives_it(graph, feeds):
    given = outputs(graph, "r", feeds)
    kernel = encode_weight(WEIGHTS["second"], 0, "narrow").reals()
    lost = depthwise(given, WEIGHTS["second"]) - depthwise(in_steps(given, RANGES["r"]), kernel)

    found = bias_shifts(graph, quantized(graph), feeds, RUNTIME)

    assert set(found) == {"Conv", "Conv_1", "Conv_2"}
    np.testing.assert_allclose(found["Conv_1"], lost.mean(axis=(0, 2, 3)), atol=1e-5)


def test_a_layer_that_reads_a_u8_image_loses_by_its_weights_alone(graph, feeds):
    image = np.concatenate([feed["i"] for feed in feeds]) * np.float32(1 / 255)
    error = WEIGHTS["first"] - encode_weight(WEIGHTS["first"], 0, "narrow").reals()
    padded = np.pad(image, ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))[:, :, ::2, ::2]

    found = bias_shifts(graph, quantized(graph), feeds, RUNTIME)

    lost = np.einsum("nchwij,ocij->nohw", windows, error).mean(axis=(0, 2, 3))
    np.testing.assert_allclose(found["Conv"], lost, atol=1e-5)


def test_a_shift_does_not_depend_on_the_precision_of_other_layers(graph, feeds):
    every = bias_shifts(graph, quantized(graph), feeds, RUNTIME)

    last = bias_shifts(graph, quantized(graph, kept=["Conv", "Relu", "Conv_1"]), feeds, RUNTIME)

    assert set(last) == {"Conv_2"}
    np.testing.assert_array_equal(last["Conv_2"], every["Conv_2"])


def test_a_shifted_layer_is_right_on_average(graph, feeds):
    float_layers = ["Conv", "Relu", "Conv_1"]  # so that the last layer alone loses anything
    shifts = bias_shifts(graph, quantized(graph, kept=float_layers), feeds, RUNTIME)

    before, after = (
        np.abs((outputs(q.graph, "y", feeds) - outputs(graph, "y", feeds)).mean(axis=(0, 2, 3)))
        for q in (quantized(graph, float_layers), quantized(graph, float_layers, shifts))
    )

    assert before.max() > 0.03
    assert after.max() < 0.01


def test_no_layer_in_int8_has_no_shift(graph, feeds):
    layers = ["Conv", "Conv_1", "Conv_2"]

    assert bias_shifts(graph, quantized(graph, kept=layers), feeds, RUNTIME) == {}


def test_shifts_are_added_to_biases_and_stand_where_there_is_none(graph):
    shifts = {"Conv": np.float32([1, 2, 3, 4]), "Conv_2": np.ones(5, np.float32)}

    found = biases(shift_biases(graph, shifts, {"Conv", "Conv_1", "Conv_2"}))

    np.testing.assert_array_equal(found[0], WEIGHTS["bias"] + shifts["Conv"])
    assert found[1] is None
    np.testing.assert_array_equal(found[2], shifts["Conv_2"])


def test_a_layer_that_stays_in_float_keeps_its_bias(graph):
    shifts = {"Conv": np.ones(4, np.float32), "Conv_1": np.ones(4, np.float32)}

    found = biases(shift_biases(graph, shifts, {"Conv_1"}))

    np.testing.assert_array_equal(found[0], WEIGHTS["bias"])
    np.testing.assert_array_equal(found[1], shifts["Conv_1"])
    assert shift_biases(graph, shifts, {"Conv_2"}) is graph


def test_a_bias_that_two_layers_share_is_shifted_for_one_of_them():
    text = "g (float[1,4,2,2] x) => (y) { a = Conv(x, w, b) y = Conv(a, w, b) }"
    bias = np.float32([1, 2, 3, 4])
    graph = network(text, w=normal(4, 4, 1, 1), b=bias)

    found = shift_biases(graph, {"Conv": np.ones(4, np.float32)}, {"Conv"})

    np.testing.assert_array_equal(biases(found), [bias + 1, bias])
    np.testing.assert_array_equal(biases(graph), [bias, bias])


def test_a_name_that_is_taken_is_not_taken_again():
    text = (
        "g (float[1,1,2,2] x) => (y) { Conv_bias_shifted = Conv(x, w) y = Relu(Conv_bias_shifted) }"
    )
    graph = network(text, w=np.ones((1, 1, 1, 1), np.float32))

    shifted = shift_biases(graph, {"Conv": np.float32([2])}, {"Conv"})

    given = run(shifted, {"x": np.ones((1, 1, 2, 2), np.float32)})["y"]
    np.testing.assert_array_equal(given, np.full((1, 1, 2, 2), 3))
    assert graph_to_bytes(graph) != graph_to_bytes(shifted)
