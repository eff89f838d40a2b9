import numpy as np
import onnx_ir as ir
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit.backends.onnxruntime import OnnxRuntime
from edgekit.graphs import graph_from_model, graph_to_bytes
from edgekit.quantize.plan import plan
from edgekit.quantize.product import image_of, is_product, pixels_of, products_of
from edgekit.quantize.rules import ORT_X86
from edgekit.quantize.select import CHOSEN, LAST
from tests.networks import network

RUNTIME = OnnxRuntime(threads=1, spin=False)
ONE = np.ones((6, 4, 1, 1), np.float32)


def node_of(body, **weights):
    return network(f"g (float[1,4,6,6] x) => (y) {{ y = {body} }}", **weights).model.graph[0]


def rows_and_back(shape):
    """A graph that lays an image out in rows, and makes the image of them again."""
    image = ir.val("x", ir.DataType.FLOAT, shape)
    constants = []

    def numbers(use, whole):
        constants.append(ir.val(use, const_value=ir.tensor(np.int64(whole))))
        return constants[-1]

    there = pixels_of(image, shape, numbers)
    back = image_of(there[-1].outputs[0], shape, numbers)
    for name, node, size in (("pixels", there[-1], 2), ("y", back[-1], 4)):
        value = node.outputs[0]
        value.name, value.type = name, ir.TensorType(ir.DataType.FLOAT)
        value.shape = ir.Shape([None] * size)
    outputs = [there[-1].outputs[0], back[-1].outputs[0]]
    graph = ir.Graph(
        [image],
        outputs,
        nodes=[*there, *back],
        initializers=constants,
        opset_imports={"": 17},
        name="g",
    )
    return graph_from_model(ir.Model(graph, ir_version=8))


@given(shape=st.tuples(*[st.integers(1, 4)] * 4))
def test_every_pixel_becomes_a_row_of_its_channels_and_goes_back_to_its_place(shape):
    image = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)

    with RUNTIME.open(graph_to_bytes(rows_and_back(shape))) as session:
        found = session.run({"x": image})

    pixels = [image[n, :, y, x] for n, y, x in np.ndindex(shape[0], *shape[2:])]
    np.testing.assert_array_equal(found["pixels"], pixels)
    np.testing.assert_array_equal(found["y"], image)


@pytest.mark.parametrize("attributes", ["", "<strides = [1,1], pads = [0,0,0,0], group = 1>"])
def test_a_1x1_convolution_is_a_product(attributes):
    assert is_product(node_of(f"Conv{attributes}(x, w)", w=ONE))


@pytest.mark.parametrize(
    ("body", "weight"),
    [
        ("Conv<strides = [2,2]>(x, w)", ONE),
        ("Conv<pads = [1,1,1,1]>(x, w)", ONE),
        ("Conv<group = 2>(x, w)", ONE[:, :2]),
        ("Conv(x, w)", np.ones((6, 4, 1, 3), np.float32)),
        ("Add(x, w)", ONE[:1]),
    ],
)
def test_what_moves_skips_or_parts_is_none(body, weight):
    assert not is_product(node_of(body, w=weight))


def test_products_are_last_layers_of_one_pixel_behind_what_is_quantized():
    graph = network(
        "g (float[1,4,6,6] x) => (a, b, c, d) {"
        " t = Conv(x, w) s = Sigmoid(t)"
        " a = Conv(t, w) b = Conv<pads=[1,1,1,1]>(t, wide) c = Conv(s, w) d = Conv(t, w) }",
        w=np.ones((4, 4, 1, 1), np.float32),
        wide=np.ones((4, 4, 3, 3), np.float32),
    )
    first, *last = [str(node.name) for node in graph.model.graph if node.op_type == "Conv"]
    assert first == "Conv"
    kept = {**dict.fromkeys(last, LAST), last[-1]: CHOSEN, "Sigmoid": "kept"}

    assert products_of(graph, plan(graph, ORT_X86, kept)) == {last[0]}
