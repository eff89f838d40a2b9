from importlib.util import find_spec

import numpy as np
import pytest

from edgekit.errors import StageError
from edgekit.graphs import graph_from_proto
from edgekit.quantize.openvino_ops import (
    NO_WORK,
    last_line,
    operations_of,
    read_simplified,
)
from tests.heads.detectors import yolov8
from tests.networks import network

pytestmark = [
    pytest.mark.openvino,
    pytest.mark.skipif(find_spec("openvino") is None, reason="needs the openvino extra"),
]

WEIGHT = np.ones((4, 4, 1, 1), np.float32)
BIAS = np.ones(4, np.float32)
SILU = """g (float[1,4,8,8] x) => (y) {
    a = Conv(x, w, b)
    s = Sigmoid(a)
    m = Mul(a, s)
    y = Conv(m, w)
}"""


def kinds_of(graph, *names):
    """The kinds of the operations that compute each of ``names``."""
    model = read_simplified(graph)
    kinds = {op.get_friendly_name(): op.get_type_name() for op in model.get_ops()}
    found = operations_of(model, graph, dict.fromkeys(names, "kept"))
    return [sorted(kinds[op] for op in found[name]) for name in names]


def test_a_layer_with_a_bias_is_two_operations():
    graph = network(SILU, w=WEIGHT, b=BIAS)

    assert kinds_of(graph, "Conv", "Conv_1") == [["Add", "Convolution"], ["Convolution"]]


def test_nodes_that_became_one_operation_are_that_one():
    graph = network(SILU, w=WEIGHT, b=BIAS)

    assert kinds_of(graph, "Sigmoid", "Mul") == [["Swish"], ["Swish"]]


def test_slices_that_became_one_split_are_that_one():
    text = """g (float[1,4,8,8] x) => (y, z) {
        a = Slice(x, start, middle, axis)
        b = Slice(x, middle, end, axis)
        y = Relu(a)
        z = Sigmoid(b)
    }"""
    numbers = {"start": [0], "middle": [2], "end": [4], "axis": [1]}
    graph = network(text, **{name: np.array(n, np.int64) for name, n in numbers.items()})

    assert kinds_of(graph, "Slice", "Slice_1", "Relu") == [
        ["VariadicSplit"],
        ["VariadicSplit"],
        ["Relu"],
    ]


def test_a_node_that_changes_nothing_is_no_operation_and_leaves_that_before_it_alone():
    text = """g (float[1,4,8,8] x) => (y) {
        a = Conv(x, w)
        i = Transpose<perm = [0, 1, 2, 3]>(a)
        y = Relu(i)
    }"""

    assert kinds_of(network(text, w=WEIGHT), "Transpose", "Conv") == [[], ["Convolution"]]


def test_every_operation_of_a_detector_belongs_to_a_node():
    graph = graph_from_proto(yolov8()[1])
    model = read_simplified(graph)

    found = operations_of(model, graph, {node.name: "all" for node in graph.model.graph})

    working = {o.get_friendly_name() for o in model.get_ops() if o.get_type_name() not in NO_WORK}
    assert {op for ops in found.values() for op in ops} == working


def test_the_decode_is_told_from_the_layers_before_it():
    net, model = yolov8()
    graph = graph_from_proto(model)
    opened = read_simplified(graph)

    inside = operations_of(opened, graph, dict.fromkeys(net.labelled, "decode"))
    layers = {n.name for n in graph.model.graph if n.op_type == "Conv"} - net.labelled
    outside = operations_of(opened, graph, dict.fromkeys(layers, "layer"))

    decode = {op for ops in inside.values() for op in ops}
    assert len(outside) == 9
    assert all(ops for ops in outside.values())
    assert not decode & {op for ops in outside.values() for op in ops}


def test_a_node_the_network_does_not_have_is_named():
    graph = network(SILU, w=WEIGHT, b=BIAS)

    with pytest.raises(StageError, match=r"no node 'Conv_7' \(why\).*edgekit inspect"):
        operations_of(read_simplified(graph), graph, {"Conv_7": "why"})


def test_a_node_that_nothing_stands_for_is_named_with_its_reason():
    graph = network(SILU, w=WEIGHT, b=BIAS)
    other = network("g (float[1,4,8,8] p) => (q) { q = Relu(p) }")

    with pytest.raises(StageError, match=r"stands for node 'Sigmoid' \(Sigmoid: why\).*--target"):
        operations_of(read_simplified(other), graph, {"Sigmoid": "why"})


def test_what_openvino_numbers_has_the_same_name_every_time():
    graph = network(SILU, w=WEIGHT, b=BIAS)

    once, again = (
        sorted(op.get_friendly_name() for op in read_simplified(graph).get_ops()) for _ in range(2)
    )

    assert once == again
    assert len(once) == len(set(once))


def test_what_the_network_numbers_keeps_its_name():
    text = """g (float[1,4,8,8] x, float[1,4,8,8] z) => (y) {
        a = Add(x, z)
        b = Add(a, z)
        y = Relu(b)
    }"""
    graph = network(text)

    model = read_simplified(graph)

    added = {o.get_friendly_name() for o in model.get_ops() if o.get_type_name() == "Add"}
    assert added == {"Add", "Add_1"}


@pytest.mark.parametrize(
    ("message", "line"),
    [
        ("Exception:\n-- No rule for: Foo\nTo help, refer to: x\n\n", "No rule for: Foo"),
        ("Exception:\n\nUnable to read.\n\n", "Unable to read"),
        ("", "no reason given"),
    ],
)
def test_of_an_error_the_line_that_says_why_is_told(message, line):
    assert last_line(RuntimeError(message)) == line
