import numpy as np
import onnx_ir as ir
import pytest

from edgekit.errors import StageError
from edgekit.graphs import graph_from_proto
from edgekit.quantize.half_types import half_ports, typed
from tests.networks import network, proto

HALF = 'g (float[1,2,4,4] x) => (float[1,2,8,8] y) { y = Resize <mode="nearest"> (x, roi, scales) }'
SCALES = {"roi": np.zeros(0, np.float32), "scales": np.float32([1, 1, 2, 2])}


def ports(text, opset=17, node=0, **weights):
    graph = network(text, opset=opset, **weights)
    return half_ports(graph.model.graph[node], opset)


def test_the_scales_of_a_resize_are_float32_by_definition():
    found = ports(HALF, **SCALES)

    assert 0 in found.inputs
    assert 2 not in found.inputs
    assert found.outputs == {0}
    assert found.refusal is None


@pytest.mark.parametrize("opset", [13, 17, 21])
def test_a_convolution_takes_16_bits_at_every_end_in_every_opset(opset):
    text = "g (float[1,2,4,4] x) => (float[1,2,4,4] y) { y = Conv(x, w, b) }"

    found = ports(text, opset, w=np.ones((2, 2, 1, 1), np.float32), b=np.ones(2, np.float32))

    assert (found.inputs, found.outputs, found.refusal) == ({0, 1, 2}, {0}, None)


@pytest.mark.parametrize(
    ("body", "opset", "refused"),
    [
        ("y = CumSum(x, axis)", 13, True),
        ("y = CumSum(x, axis)", 14, False),
        ("q = QuantizeLinear(x, s, z) y = DequantizeLinear(q, s, z)", 17, True),
        ("q = QuantizeLinear(x, s, z) y = DequantizeLinear(q, s, z)", 19, False),
        ("y = com.microsoft.Gelu(x)", 17, True),
    ],
)
def test_what_an_opset_defines_for_no_16_bit_floats_is_refused(body, opset, refused):
    weights = {"axis": np.int64(0), "s": np.float32(0.5), "z": np.int8(0)}

    model = graph_from_proto(
        proto(f"g (float[4] x) => (float[4] y) {{ {body} }}", opset, **weights)
    ).model

    found = half_ports(model.graph[0], opset)
    assert (found.refusal is not None) == refused


def test_a_node_without_floats_is_neither_one_nor_the_other():
    text = "g (int64[2] x) => (int64[2] y) { y = Add(x, x) }"

    found = ports(text)

    assert (found.inputs, found.outputs, found.refusal) == (set(), set(), None)


def test_numbers_that_an_attribute_makes_stay_float32():
    text = "g (int64[2] n) => (float[a,b] y) { y = ConstantOfShape(n) }"

    graph = graph_from_proto(proto(text))

    assert "attribute" in half_ports(graph.model.graph[0], 17).refusal


def test_types_that_are_missing_are_inferred():
    graph = graph_from_proto(proto("g (float[4] x) => (float[4] y) { t = Relu(x) y = Neg(t) }"))
    for node in graph.model.graph:
        node.outputs[0].type = None

    known = typed(graph)

    assert [n.outputs[0].dtype for n in known.model.graph] == [ir.DataType.FLOAT] * 2
    assert known.sha256 == graph.sha256
    assert graph.model.graph[0].outputs[0].dtype is None


def test_a_value_whose_type_nothing_tells_is_named():
    graph = graph_from_proto(
        proto("g (float[4] x, int64[4] n) => (float[4] y) { t = Add(x, n) y = Neg(t) }")
    )
    graph.model.graph[0].name = "Add"

    with pytest.raises(StageError, match=r"node '.*Add.* ort-cpu-fp32"):
        typed(graph)
