import numpy as np
import onnx
import onnx_ir as ir
import pytest

from edgekit.graphs import graph_from_model, graph_from_proto
from edgekit.reparam.lines import FoldLines
from edgekit.reparam.rules import Rewrite, only_reader, remove_unread, rewritten, take_over
from tests.networks import network

K = {"k": np.float32(2), "w": np.ones((1, 1, 1, 1), np.float32)}
INPUT = "g (float[1,1,4,4] x) => (y)"


def test_what_goes_on_from_an_earlier_rewrite_is_told_as_one():
    graph = network(
        f"{INPUT} {{ a = Conv(x, w) b = Mul(a, k) c = Add(b, k) d = Relu(c) y = Conv(d, w) }}", **K
    )
    result = rewritten(graph, FoldLines())

    rule = "a constant behind a layer"
    assert result.done == (Rewrite(rule, "Conv", ("Mul", "Add"), "x", "c"),)
    assert result.graph.parent == graph.sha256


def test_the_graph_handed_in_is_left_alone_and_given_back_where_nothing_was_done():
    graph = network(f"{INPUT} {{ a = Conv(x, w) b = Mul(a, k) y = Conv(b, w) }}", **K)
    once = rewritten(graph, FoldLines()).graph

    assert graph_from_model(graph.model).sha256 == graph.sha256 != once.sha256
    assert rewritten(once, FoldLines()).graph is once


def test_a_value_with_one_use_has_one_reader():
    graph = network("g (float[1] x) => (y, a) { a = Relu(x) b = Tanh(a) c = Add(b, b) y = Abs(c) }")
    readers = [only_reader(node.outputs[0]) for node in graph.model.graph]

    assert [reader and reader.op_type for reader in readers] == [None, None, "Abs", None]


def test_a_reader_that_only_runs_sometimes_is_not_the_one_reader():
    graph = network(
        """g (float[1] x, bool c) => (y) { a = Relu(x) y = If (c) <
        then_branch = one () => (float[1] t) { t = Tanh(a) },
        else_branch = two () => (float[1] e) { e = Neg(x) }> }"""
    )
    (relu, _) = graph.model.graph

    assert len(relu.outputs[0].uses()) == 1
    assert only_reader(relu.outputs[0]) is None


def test_a_value_that_takes_over_has_the_name_shape_and_readers_of_the_other():
    model = network("g (float[1,4] x) => (y) { a = Relu(x) y = Flatten<axis=0>(a) }").model.clone()
    relu, flatten = model.graph
    take_over(relu.outputs[0], flatten.outputs[0])

    (output,) = model.graph.outputs
    assert (output.name, output.producer().op_type, len(model.graph)) == ("y", "Relu", 1)


def test_what_nothing_reads_is_removed_and_what_is_read_stays():
    model = network(
        "g (float[1] x) => (y, c) { a = Relu(x) b = Tanh(a) c = Abs(b) d = Sin(b) y = Cos(a) }"
    ).model.clone()
    relu, tanh, absolute, *rest = model.graph
    remove_unread([relu, tanh, absolute, *rest])

    assert [node.op_type for node in model.graph] == ["Relu", "Tanh", "Abs", "Cos"]
    remove_unread(rest)
    assert len(model.graph) == 4


def test_a_rule_asks_for_names():
    model = graph_from_proto(
        onnx.parser.parse_model(
            '<ir_version: 8, opset_import: ["" : 17]> g (float[1] x) => (y) { y = Relu(x) }'
        )
    ).model
    with pytest.raises(ir.passes.PreconditionError):
        FoldLines()(model)
