import numpy as np

from edgekit.backends.tensorrt.finding import (
    Finding,
    array_of,
    input_of,
    maker,
    named,
    readers,
    same_scale,
    scale_of,
)
from edgekit.graphs import graph_from_proto
from tests.networks import proto


def nodes_of(body, **weights):
    model = graph_from_proto(proto(f"g (float[2] x) => (float[2] y) {{ {body} }}", **weights)).model
    return list(model.graph)


def test_a_finding_is_one_line_with_all_its_parts():
    found = Finding("error", "n (Conv)", "this", "that", "Do so.")

    assert str(found) == "error: n (Conv): expected this, found that. Do so."


def test_a_node_without_a_name_is_called_by_what_it_gives():
    (node,) = nodes_of("y = Relu(x)")

    node.name = ""
    assert named(node) == "what gives 'y' (Relu)"
    node.name = "here"
    assert named(node) == "here (Relu)"


def test_constants_are_initializers_or_nodes():
    nodes = nodes_of(
        "k = Constant<value_float = 3.0>() a = Add(x, k) y = Add(a, w)", w=np.ones(2, np.float32)
    )

    assert array_of(nodes[1].inputs[1]) == 3
    assert array_of(nodes[1].inputs[0]) is None
    assert array_of(input_of(nodes[2], 5)) is None


def test_scales_are_the_same_or_not_known_to_differ():
    nodes = nodes_of(
        "a = QuantizeLinear(x, s) b = DequantizeLinear(a, s) c = QuantizeLinear(b, t) "
        "n = Neg(s) d = DequantizeLinear(c, n) y = Neg(d)",
        s=np.float32(0.5),
        t=np.float32(0.25),
    )

    assert same_scale(nodes[0], nodes[1])
    assert not same_scale(nodes[0], nodes[2])
    assert scale_of(nodes[4]) is None
    assert same_scale(nodes[0], nodes[4])


def test_neighbours_are_found_by_their_operator():
    a, b, _ = nodes_of("a = Relu(x) b = Neg(a) y = Neg(b)")

    assert maker(b.inputs[0], "Relu") is a
    assert maker(b.inputs[0], "Neg") is None
    assert readers(a, "Neg") == [b]
