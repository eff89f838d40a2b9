from itertools import count

import numpy as np
import onnx_ir as ir
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx.reference import ReferenceEvaluator

from edgekit.backends.onnxruntime import OnnxRuntime
from edgekit.graphs import graph_from_model, graph_to_bytes, graph_to_proto
from edgekit.quantize.repeat import repeated, whole_factors
from tests.networks import network

RUNTIME = OnnxRuntime(threads=1, spin=False)
FLOOR = 'coordinate_transformation_mode = "asymmetric", nearest_mode = "floor"'
NEAREST, CEIL = 'mode = "nearest"', 'nearest_mode = "round_prefer_ceil"'
SHAPE = (2, 3, 4, 5)


def resize(attributes, output, **constants):
    inputs = ", ".join(constants)
    text = (
        f"g (float[2,3,4,5] x) => (float[{output}] y) {{ y = Resize<{attributes}>(x, {inputs}) }}"
    )
    return network(text, **constants)


def node_of(attributes, output, **constants):
    return resize(attributes, output, **constants).model.graph[0]


def by(*factors):
    return np.float32([1, 1, *factors])


def copies(shape, factors):
    """A graph of nothing but the repetition of integers."""
    numbers = count()
    image = ir.val("x", ir.DataType.UINT8, shape)
    constants = []

    def constant(use, whole):
        value = ir.val(f"{use}{next(numbers)}", const_value=ir.tensor(np.int64(whole)))
        constants.append(value)
        return value

    nodes = repeated(image, shape, factors, constant)
    output = nodes[-1].outputs[0]
    output.name, output.type = "y", ir.TensorType(ir.DataType.UINT8)
    output.shape = ir.Shape([shape[0], shape[1], shape[2] * factors[0], shape[3] * factors[1]])
    graph = ir.Graph(
        [image], [output], nodes=nodes, initializers=constants, opset_imports={"": 17}, name="g"
    )
    return graph_from_model(ir.Model(graph, ir_version=8))


@given(
    shape=st.tuples(*[st.integers(1, 4)] * 4),
    factors=st.tuples(st.integers(1, 3), st.integers(1, 3)),
)
def test_rows_and_columns_are_repeated(shape, factors):
    image = np.arange(np.prod(shape)).reshape(shape).astype(np.uint8)

    with RUNTIME.open(graph_to_bytes(copies(shape, factors))) as session:
        found = session.run({"x": image})["y"]

    np.testing.assert_array_equal(found, image.repeat(factors[0], 2).repeat(factors[1], 3))


@pytest.mark.parametrize("attributes", [FLOOR, NEAREST, CEIL])
@pytest.mark.parametrize("factors", [(2, 2), (3, 1), (4, 2)])
def test_what_is_found_to_repeat_does_so_by_the_definition(attributes, factors):
    rows, columns = factors
    graph = resize(attributes, f"2,3,{4 * rows},{5 * columns}", roi=np.float32([]), s=by(*factors))
    image = np.random.default_rng(0).normal(size=SHAPE).astype(np.float32)

    (defined,) = ReferenceEvaluator(graph_to_proto(graph)).run(None, {"x": image})

    assert whole_factors(graph.model.graph[0]) == factors
    np.testing.assert_array_equal(defined, image.repeat(rows, 2).repeat(columns, 3))


def test_sizes_tell_the_factors_too():
    sizes = {"roi": np.float32([]), "none": np.float32([]), "s": np.int64([2, 3, 8, 10])}

    assert whole_factors(node_of(FLOOR, "2,3,8,10", **sizes)) == (2, 2)


@pytest.mark.parametrize(
    ("attributes", "output", "scales"),
    [
        ('nearest_mode = "ceil"', "2,3,8,10", by(2, 2)),
        ('coordinate_transformation_mode = "align_corners"', "2,3,8,10", by(2, 2)),
        ('mode = "linear"', "2,3,8,10", by(2, 2)),
        (FLOOR, "2,3,6,10", by(1.5, 2)),
        (FLOOR, "2,3,8,10", by(2.1, 2)),
        (FLOOR, "2,3,2,5", by(0.5, 1)),
        (FLOOR, "2,6,8,10", np.float32([1, 2, 2, 2])),
    ],
)
def test_every_other_resize_is_left_alone(attributes, output, scales):
    assert whole_factors(node_of(attributes, output, roi=np.float32([]), s=scales)) is None


def test_what_is_no_resize_is_left_alone():
    graph = network("g (float[2,3,4,5] x) => (y) { y = Relu(x) }")

    assert whole_factors(graph.model.graph[0]) is None
