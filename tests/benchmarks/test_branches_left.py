import sys
from pathlib import Path

import numpy as np
import pytest

from edgekit.backends.onnxruntime import OnnxRuntime
from edgekit.load.onnx_file import LoadOptions, load_onnx
from tests.networks import network

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

from branches_left import batchnorms, parallel_branches

HEAD = "g (float[1,2,4,4] x) => (y)"
WEIGHTS = {"w": np.ones((2, 2, 1, 1), np.float32), "k": np.ones(2, np.float32)}
NORM = "BatchNormalization"


def of(body):
    used = {name: array for name, array in WEIGHTS.items() if f", {name}" in body}
    return network(f"{HEAD} {{ {body} }}", **used)


@pytest.mark.parametrize(
    "body",
    [
        "a = Conv(x, w) b = Conv(x, w) y = Add(a, b)",
        "a = Conv(x, w) y = Add(a, x)",
        f"a = Conv(x, w) b = {NORM}(x, k, k, k, k) y = Sum(a, b)",
        f"a = Conv(x, w) c = {NORM}(a, k, k, k, k) b = Conv(x, w) y = Sub(b, c)",
        "r = Relu(x) a = Conv(x, w) b = Conv(r, w) c = Add(a, b) d = Conv(x, w) y = Add(c, d)",
        "a = Conv(x, w) b = AveragePool<kernel_shape=[1,1]>(x) y = Add(a, b)",
    ],
)
def test_linear_functions_of_one_value_that_are_added_are_branches(body):
    assert parallel_branches(of(body)) == 1


@pytest.mark.parametrize(
    "body",
    [
        "a = Conv(x, w) b = Relu(a) y = Add(b, x)",
        "r = Relu(x) a = Conv(x, w) b = Conv(r, w) y = Add(a, b)",
        "a = Conv(x, w) r = Relu(a) b = Conv(r, w) y = Add(a, b)",
        "a = Conv(x, w) b = Conv(x, w) y = Concat<axis=1>(a, b)",
        "y = Add(x, x)",
    ],
)
def test_what_no_single_convolution_computes_is_no_branch(body):
    assert parallel_branches(of(body)) == 0


def test_each_sum_counts_once():
    body = (
        "a = Conv(x, w) b = Conv(x, w) c = Conv(x, w) d = Add(a, b) e = Add(d, c) "
        "r = Relu(e) f = Conv(r, w) y = Add(f, r)"
    )

    assert parallel_branches(of(body)) == 2


def test_batch_normalizations_are_counted():
    body = f"a = {NORM}(x, k, k, k, k) b = Relu(a) y = {NORM}(b, k, k, k, k)"

    assert batchnorms(of(body)) == 2


@pytest.mark.data
def test_a_real_network_as_trained_has_both(data_dir):
    path = data_dir / "models" / "yolov10s_e2e_unfused.onnx"
    graph = load_onnx(path, OnnxRuntime(optimize=False), LoadOptions()).graph

    assert (batchnorms(graph), parallel_branches(graph)) == (81, 2)
