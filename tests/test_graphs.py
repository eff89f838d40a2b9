from __future__ import annotations

import onnx
import pytest

from edgekit.errors import StageError
from edgekit.graphs import (
    graph_from_model,
    graph_from_proto,
    graph_to_bytes,
    graph_to_proto,
    subgraph,
    with_outputs,
)

CHAIN = """
<ir_version: 8, opset_import: ["" : 17]>
chain (float[2] x) => (float[2] z) {
    y = Relu(x)
    w = Neg(y)
    z = Abs(w)
}
"""


@pytest.fixture
def chain():
    return graph_from_proto(onnx.parser.parse_model(CHAIN), parent="of the file")


def operators(graph):
    return [node.op_type for node in graph.model.graph]


def test_a_graph_survives_the_way_to_onnx_and_back(chain):
    again = graph_from_proto(graph_to_proto(chain))

    assert again.sha256 == chain.sha256
    assert chain.parent == "of the file"
    assert onnx.load_from_string(graph_to_bytes(chain)).graph.node[0].op_type == "Relu"


def test_the_hash_follows_the_content(chain):
    changed = chain.model.clone()
    changed.graph[0].op_type = "Sigmoid"

    assert graph_from_model(changed).sha256 != chain.sha256


def test_a_piece_is_what_lies_between_two_values(chain):
    piece = subgraph(chain, ["y"], ["z"])

    assert operators(piece) == ["Neg", "Abs"]
    assert [v.name for v in piece.model.graph.inputs] == ["y"]
    assert piece.parent == chain.sha256
    assert operators(chain) == ["Relu", "Neg", "Abs"]


@pytest.mark.parametrize(("inputs", "outputs"), [(["nothing"], ["z"]), (["w"], ["y"])])
def test_a_piece_that_cannot_be_cut_is_an_error(chain, inputs, outputs):
    with pytest.raises(StageError, match="Cannot cut the graph between"):
        subgraph(chain, inputs, outputs)


def test_any_value_can_be_read_as_an_output(chain):
    read = with_outputs(chain, ["y", "z"])

    assert [v.name for v in read.model.graph.outputs] == ["y", "z"]
    assert [v.name for v in chain.model.graph.outputs] == ["z"]


def test_an_output_that_is_no_value_is_an_error(chain):
    with pytest.raises(StageError, match="no value named"):
        with_outputs(chain, ["nothing"])
