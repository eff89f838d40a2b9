import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from edgekit.backends.onnxruntime import OnnxRuntime
from edgekit.graphs import graph_to_bytes
from edgekit.reparam.layers import linear_of
from edgekit.reparam.pixels import output_pixel, patches, pixels
from tests.networks import network
from tests.strategies import seeds


@settings(max_examples=60, deadline=None)
@given(
    seed=seeds,
    op=st.sampled_from(["Conv", "ConvTranspose"]),
    groups=st.integers(1, 2),
    kernel=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    stride=st.tuples(st.integers(1, 2), st.integers(1, 3)),
    pads=st.tuples(*[st.integers(0, 1)] * 4),
)
def test_nine_pixels_equal_those_of_the_runtime(*, seed, op, groups, kernel, stride, pads):
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
    with OnnxRuntime(threads=1).open(graph_to_bytes(graph)) as session:
        whole = session.run({"x": x})["y"][0]
    node = graph.model.graph[0]
    layer = linear_of(node)
    found = [output_pixel(node, layer, patch) for patch in patches(node, layer, x.astype(float))]
    rows, cols = (sorted({0, size // 2, size - 1}) for size in whole.shape[1:])
    wanted = [whole[:, row, col] for row in rows for col in cols]
    np.testing.assert_allclose(found, wanted, atol=1e-5)


@settings(max_examples=20, deadline=None)
@given(seeds, st.sampled_from(["SAME_UPPER", "SAME_LOWER", "VALID"]), st.integers(1, 3))
def test_automatic_padding_reads_what_the_runtime_reads(seed, auto_pad, stride):
    rng = np.random.default_rng(seed)
    graph = network(
        f"""g (float[1,2,7,8] x) => (y)
        {{ y = Conv<auto_pad="{auto_pad}", strides=[{stride},{stride}]>(x, w) }}""",
        w=rng.normal(size=(3, 2, 2, 3)).astype(np.float32),
    )
    x = rng.normal(size=(1, 2, 7, 8)).astype(np.float32)
    with OnnxRuntime(threads=1).open(graph_to_bytes(graph)) as session:
        whole = session.run({"x": x})["y"][0]
    node = graph.model.graph[0]
    layer = linear_of(node)
    found = [output_pixel(node, layer, patch) for patch in patches(node, layer, x.astype(float))]
    rows, cols = (sorted({0, size // 2, size - 1}) for size in whole.shape[1:])
    np.testing.assert_allclose(found, [whole[:, r, c] for r in rows for c in cols], atol=1e-5)


def test_the_nine_pixels_of_an_image_are_those_a_centred_kernel_gives():
    graph = network(
        "g (float[1,2,7,8] x) => (y) { y = Conv<pads=[1,1,1,1]>(x, w) }",
        w=np.eye(9, dtype=np.float32)[4].reshape(1, 1, 3, 3)
        * np.eye(2, dtype=np.float32)[..., None, None],
    )
    x = np.random.default_rng(0).normal(size=(1, 2, 7, 8))
    node = graph.model.graph[0]
    layer = linear_of(node)
    given = [output_pixel(node, layer, patch) for patch in patches(node, layer, x)]
    np.testing.assert_array_equal(list(pixels(x)), given)
