"""What a processor with AVX2 and nothing newer makes of the largest products there can be.

Its runtime sums two u8 x s8 products in 16 bits and cuts off what does not fit.
"""

import platform
import shutil
import subprocess
import sys

import numpy as np
import pytest

from edgekit.graphs import graph_to_bytes
from tests.conftest import ROOT
from tests.quantize.eight_bits import emulate, make, step_of

sys.path.insert(0, str(ROOT / "benchmarks"))

import only_avx2

RUN = """
import sys
import numpy, onnxruntime
for stem in sys.argv[1:]:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(stem + ".onnx", options, ["CPUExecutionProvider"])
    numpy.save(stem + ".out.npy", session.run(None, {"x": numpy.load(stem + ".npy")})[0])
"""
LAYERS = {  # input shape, layer, weight shape
    "3x3": ((1, 16, 9, 9), "Conv<pads = [1,1,1,1]>(x, w)", (24, 16, 3, 3)),
    "3x3 of 3 channels": ((1, 3, 9, 9), "Conv<strides = [2,2]>(x, w)", (16, 3, 3, 3)),
    "6x6 of 3 channels": ((1, 3, 16, 16), "Conv<strides = [2,2]>(x, w)", (16, 3, 6, 6)),
    "3x3 of 5 channels": ((1, 5, 9, 9), "Conv(x, w)", (16, 5, 3, 3)),
    "1x1": ((1, 64, 9, 9), "Conv(x, w)", (24, 64, 1, 1)),
    "1x1 of 7 channels": ((1, 7, 9, 9), "Conv(x, w)", (24, 7, 1, 1)),
    "depthwise": ((1, 16, 9, 9), "Conv<group = 16>(x, w)", (16, 1, 3, 3)),
    "depthwise 5x5": ((1, 32, 9, 9), "Conv<group = 32>(x, w)", (32, 1, 5, 5)),
    "grouped": ((1, 16, 9, 9), "Conv<group = 4>(x, w)", (16, 4, 3, 3)),
    "groups of 3": ((1, 12, 9, 9), "Conv<group = 4>(x, w)", (16, 3, 3, 3)),
    "Gemm": ((5, 40), "Gemm(x, w)", (40, 24)),
    "Gemm transposed": ((5, 40), "Gemm<transB = 1>(x, w)", (24, 40)),
    "MatMul": ((5, 40), "MatMul(x, w)", (40, 24)),
}
RULES = ["full", "paired", "narrow"]


def worst_case(layer, rule):
    """Activations at their largest; weights close to the largest, most of one sign.

    Of paired weights every other one is zero, so that the rest may be as large as there are.
    """
    shape, text, weight_shape = LAYERS[layer]
    rng = np.random.default_rng(0)
    weight = rng.uniform(0.8, 1, weight_shape) * rng.choice([-1, 1, 1, 1], weight_shape)
    if rule == "paired":
        weight *= np.indices(weight_shape).sum(axis=0) % 2
    inputs = ",".join(str(size) for size in shape)
    image = rng.choice([1, 1, 1, 0], shape).astype(np.float32)
    weights = {"w": weight.astype(np.float32)}
    return make(f"g (float[{inputs}] x) => (y) {{ y = {text} }}", {"x": image}, weights, rule)


@pytest.fixture(scope="module")
def hidden(tmp_path_factory):
    """The environment in which ONNX Runtime finds AVX2 and nothing newer."""
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        pytest.skip("instruction sets are hidden on Linux x86-64 only")
    if missing := [tool for tool in only_avx2.TOOLS if shutil.which(tool) is None]:
        pytest.skip(f"{' and '.join(missing)} missing, which hide instruction sets")
    return only_avx2.variables(tmp_path_factory.mktemp("avx2"), ("onnxruntime",))


@pytest.fixture(scope="module")
def off_by(hidden, tmp_path_factory):
    """By layer and rule, the largest error of the runtime, in steps of the output."""
    folder = tmp_path_factory.mktemp("cases")
    cases = {(layer, rule): worst_case(layer, rule) for layer in LAYERS for rule in RULES}
    stems = {key: str(folder / str(n)) for n, key in enumerate(cases)}
    for key, case in cases.items():
        np.save(stems[key] + ".npy", case.feeds["x"])
        (folder / (stems[key] + ".onnx")).write_bytes(graph_to_bytes(case.quantized.graph))
    command = [sys.executable, "-c", RUN, *stems.values()]
    done = subprocess.run(command, env=hidden, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return {key: steps_off(case, np.load(stems[key] + ".out.npy")) for key, case in cases.items()}


def steps_off(case, found):
    return float(np.abs(found - emulate(case)["y"]).max() / step_of(case, "y"))


@pytest.mark.parametrize("rule", ["paired", "narrow"])
@pytest.mark.parametrize("layer", LAYERS)
def test_weights_made_for_16_bit_sums_lose_nothing(off_by, layer, rule):
    assert off_by[layer, rule] < 1.01


def test_full_weights_are_cut_off_there(off_by):
    assert off_by["3x3", "full"] > 10
    assert off_by["1x1", "full"] > 10


@pytest.mark.parametrize("layer", LAYERS)
def test_the_worst_cases_use_the_largest_integers_there_are(layer):
    graph = worst_case(layer, "paired").quantized.graph.model.graph
    (integers,) = (
        value.const_value.numpy()
        for name, value in graph.initializers.items()
        if name.endswith("weight_integers")
    )

    assert np.abs(integers.astype(int)).max() == 127
