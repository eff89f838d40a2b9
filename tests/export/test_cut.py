import numpy as np
import pytest

from edgekit.backends.onnxruntime import OnnxRuntime
from edgekit.errors import StageError
from edgekit.export.cut import cut_graph
from edgekit.graphs import graph_to_bytes
from tests.networks import network

CHAIN = """g (float[1,4] x) => (z) { a = Relu(x) b = Mul(a, two) c = Neg(b) z = Add(c, three) }"""


@pytest.fixture
def graph():
    return network(CHAIN, two=np.float32([2]), three=np.float32([3]))


def test_the_named_values_are_the_outputs_in_the_order_given(graph):
    cut = cut_graph(graph, ("b", "a"))
    assert [value.name for value in cut.model.graph.outputs] == ["b", "a"]
    assert [node.op_type for node in cut.model.graph] == ["Relu", "Mul"]
    assert list(cut.model.graph.initializers) == ["two"]
    assert cut.parent == graph.sha256


def test_a_cut_graph_computes_what_the_whole_one_has_there(graph):
    x = np.float32([[-1, 0, 1, 2]])
    with OnnxRuntime(threads=1).open(graph_to_bytes(cut_graph(graph, ("b",)))) as session:
        assert session.run({"x": x})["b"].tolist() == [[0, 0, 2, 4]]


def test_cutting_at_the_outputs_changes_nothing(graph):
    assert cut_graph(graph, ("z",)).sha256 == graph.sha256


@pytest.mark.parametrize("outputs", [("nothing",), ("a", "x"), ("two",), ()])
def test_a_value_that_no_node_computes_is_an_error(graph, outputs):
    with pytest.raises(StageError, match="Cannot cut the graph"):
        cut_graph(graph, outputs)


def test_the_graph_handed_in_keeps_its_outputs(graph):
    cut_graph(graph, ("a",))
    assert [value.name for value in graph.model.graph.outputs] == ["z"]
