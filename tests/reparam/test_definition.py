import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgekit.backends.onnxruntime import OnnxRuntime
from edgekit.graphs import graph_to_bytes
from edgekit.reparam.definition import nine_pixels
from tests.networks import network
from tests.strategies import seeds

RUNTIME = OnnxRuntime(threads=1, optimize=False)


def nine_of_the_runtime(graph, x: np.ndarray) -> np.ndarray:
    with RUNTIME.open(graph_to_bytes(graph)) as session:
        whole = session.run({"x": x})["y"][0]
    rows, cols = (sorted({0, size // 2, size - 1}) for size in whole.shape[1:])
    return whole[:, rows][:, :, cols]


def nine(graph, x: np.ndarray):
    return nine_pixels(graph.model.graph.outputs[0], {"x": x.astype(np.float64)})


@settings(max_examples=60, deadline=None)
@given(
    seed=seeds,
    op=st.sampled_from(["Conv", "ConvTranspose"]),
    groups=st.integers(1, 2),
    kernel=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    stride=st.tuples(st.integers(1, 2), st.integers(1, 3)),
    pads=st.tuples(*[st.integers(0, 1)] * 4),
)
def test_nine_pixels_of_a_layer_equal_those_of_the_runtime(
    *, seed, op, groups, kernel, stride, pads
):
    rng = np.random.default_rng(seed)
    weight = rng.normal(size=(2 * groups, 2, *kernel)).astype(np.float32)
    if op == "ConvTranspose":
        weight = rng.normal(size=(2 * groups, 3, *kernel)).astype(np.float32)
    graph = network(
        f"""g (float[1,{2 * groups},7,8] x) => (y)
        {{ y = {op}<group={groups}, strides={list(stride)}, dilations=[1,2],
                   pads={list(pads)}>(x, w, b) }}""",
        w=weight,
        b=rng.normal(size=3 * groups if op == "ConvTranspose" else 2 * groups).astype(np.float32),
    )
    x = rng.normal(size=(1, 2 * groups, 7, 8)).astype(np.float32)

    found = nine(graph, x)

    np.testing.assert_allclose(found.values, nine_of_the_runtime(graph, x), atol=1e-5)
    assert np.all(found.sizes >= np.abs(found.values))


CHAINS = {
    "padding between": "a = Conv<pads=[1,1,1,1]>(x, w, b) y = Conv<pads=[1,0,2,1]>(a, w, b)",
    "stride behind padding": "a = Conv<pads=[1,1,1,1], strides=[2,2]>(x, w, b) "
    "y = Conv<pads=[1,1,1,1]>(a, w)",
    "same upper": 'y = Conv<auto_pad="SAME_UPPER", strides=[2,2]>(x, even)',
    "same lower": 'y = Conv<auto_pad="SAME_LOWER", strides=[3,1]>(x, even)',
    "valid": 'y = Conv<auto_pad="VALID">(x, even)',
    "normalization": "a = BatchNormalization(x, two, one, one, two) y = Conv<pads=[1,1,1,1]>(a, w)",
    "constants": "a = Sub(one4, x) c = Mul(a, two4) d = Div(c, three) e = Add(d, one4) "
    "y = Conv<pads=[1,1,1,1]>(e, w)",
    "average": "y = AveragePool<kernel_shape=[3,3], pads=[1,1,1,1]>(x)",
    "average with padding": "y = AveragePool<kernel_shape=[3,2], pads=[1,0,1,1], "
    "count_include_pad=1, strides=[2,1]>(x)",
    "maximum": "a = Sub(x, three) y = MaxPool<kernel_shape=[3,3], pads=[1,1,1,1]>(a)",
    "sum": "a = Conv<pads=[1,1,1,1]>(x, w) y = Sum(a, x, a)",
    "slices": "a = Slice(x, start, end, axes, steps) c = Slice(x, zero, end, axes, steps) "
    "d = Concat<axis=1>(a, c) y = Sum(d, d)",
    "space to depth": "a = SpaceToDepth<blocksize=2>(x) y = Conv<pads=[1,1,1,1]>(a, wide)",
}


@pytest.mark.parametrize("name", CHAINS)
def test_nine_pixels_of_a_chain_equal_those_of_the_runtime(name):
    rng = np.random.default_rng(0)
    graph = network(
        f"g (float[1,2,8,6] x) => (y) {{ {CHAINS[name]} }}",
        w=rng.normal(size=(2, 2, 3, 3)).astype(np.float32),
        b=rng.normal(size=2).astype(np.float32),
        even=rng.normal(size=(2, 2, 2, 4)).astype(np.float32),
        wide=rng.normal(size=(2, 8, 3, 3)).astype(np.float32),
        one=np.float32([1, 2]),
        two=np.float32([2, 3]),
        one4=np.float32([1, 2]).reshape(1, 2, 1, 1),
        two4=np.float32([2, 3]).reshape(2, 1, 1),
        three=np.float32(3),
        start=np.int64([1, 0]),
        zero=np.int64([0, 0]),
        end=np.int64([2**63 - 1, -1]),
        axes=np.int64([2, 3]),
        steps=np.int64([2, 2]),
    )
    x = rng.normal(size=(1, 2, 8, 6)).astype(np.float32)

    np.testing.assert_allclose(nine(graph, x).values, nine_of_the_runtime(graph, x), atol=1e-5)


def test_a_matrix_product_has_one_place():
    rng = np.random.default_rng(0)
    graph = network(
        "g (float[1,4] x) => (y) { y = Gemm<transB=1>(x, w, b) }",
        w=rng.normal(size=(3, 4)).astype(np.float32),
        b=rng.normal(size=3).astype(np.float32),
    )
    x = rng.normal(size=(1, 4)).astype(np.float32)
    with RUNTIME.open(graph_to_bytes(graph)) as session:
        wanted = session.run({"x": x})["y"][0]

    np.testing.assert_allclose(nine(graph, x).values[:, 0, 0], wanted, atol=1e-6)
