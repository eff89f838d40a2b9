import numpy as np
import onnx
import onnx_ir as ir

from edgekit.backends.onnxruntime import OnnxRuntime
from edgekit.graphs import graph_from_model, graph_from_proto, graph_to_proto
from edgekit.reparam.normal_form import infer_shapes, normal_form
from edgekit.reparam.parity import prove_parity
from tests.networks import proto

X = np.arange(4, dtype=np.float32).reshape(1, 4)


def test_constants_and_initializers_listed_as_inputs_become_plain_initializers():
    source = proto(
        """g (float[1,4] x, float[4] w) => (float[1,4] y)
        { c = Constant<value_floats=[1.0, 2.0, 3.0, 4.0]>() a = Add(x, w) y = Mul(a, c) }""",
        w=np.ones(4, np.float32),
    )
    before = graph_from_proto(source)
    after = graph_from_model(normal_form(before.model))
    assert [value.name for value in after.model.graph.inputs] == ["x"]
    assert [node.op_type for node in after.model.graph] == ["Add", "Mul"]
    assert prove_parity(before, after, OnnxRuntime(), [{"x": X}]).max_abs == 0.0


def test_every_node_and_value_gets_a_name_of_its_own_and_outputs_keep_theirs():
    source = proto("g (float[1,4] x) => (float[1,4] y) { a = Relu(x) b = Relu(a) y = Neg(b) }")
    for node in source.graph.node:
        node.name = "same"
    source.graph.node[0].name = ""
    graph = normal_form(graph_from_proto(source).model).graph
    names = [node.name for node in graph]
    assert len(set(names)) == 3
    assert names[0] == "Relu"
    assert [value.name for value in graph.outputs] == ["y"]


def test_local_functions_are_inlined():
    source = onnx.parser.parse_model(
        """<ir_version: 8, opset_import: ["" : 17, "local" : 1]>
        g (float[1,4] x) => (float[1,4] y) { y = local.Twice(x) }
        <domain: "local", opset_import: ["" : 17]>
        Twice (a) => (c) { b = Add(a, a) c = Relu(b) }"""
    )
    before = graph_from_proto(source)
    after = graph_from_model(normal_form(before.model))
    assert [node.op_type for node in after.model.graph] == ["Add", "Relu"]
    assert prove_parity(before, after, OnnxRuntime(), [{"x": X}]).max_abs == 0.0


def test_what_does_nothing_or_feeds_nothing_is_gone():
    source = proto("g (float[1,4] x) => (float[1,4] y) { a = Identity(x) b = Exp(x) y = Relu(a) }")
    graph = normal_form(graph_from_proto(source).model).graph
    assert [node.op_type for node in graph] == ["Relu"]


def test_the_model_handed_in_is_left_alone():
    before = graph_from_proto(
        proto("g (float[1,4] x) => (float[1,4] y) { a = Identity(x) y = Relu(a) }")
    )
    normal_form(before.model)
    assert graph_from_model(before.model).sha256 == before.sha256


def test_stale_shapes_are_replaced_by_inferred_ones():
    model = graph_from_proto(
        proto("g (float[1,4] x) => (float[9,9] z) <float[7] y> { y = Relu(x) z = Neg(y) }")
    ).model
    shapes = [node.outputs[0].shape for node in infer_shapes(model).graph]
    assert shapes == [ir.Shape([1, 4]), ir.Shape([1, 4])]


def test_an_output_whose_shape_cannot_be_inferred_keeps_its_number_of_dimensions():
    source = proto(
        """g (float[1,4] x) => (float[1,4] y)
        { s = Shape(x) f = Cast<to=1>(s) r = Sqrt(f) q = Mul(r, r) d = Cast<to=7>(q)
          y = Reshape(x, d) }"""
    )

    model = infer_shapes(normal_form(graph_from_proto(source).model))

    checked = graph_to_proto(graph_from_model(model))
    onnx.checker.check_model(checked)
    dims = checked.graph.output[0].type.tensor_type.shape.dim
    assert [dim.HasField("dim_value") for dim in dims] == [False, False]


def test_a_type_taken_from_a_value_of_known_type_is_written_out():
    graph = graph_from_proto(
        proto("g (double[2] x) => (y) { c = CastLike(k, x) y = Add(c, x) }", k=np.float32(3))
    )
    cast, _ = normal_form(graph.model).graph

    assert (cast.op_type, len(cast.inputs)) == ("Cast", 1)
    assert cast.attributes.get_int("to") == ir.DataType.DOUBLE
