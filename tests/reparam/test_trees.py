import numpy as np
import pytest

from edgekit.reparam.trees import sum_tree, sum_trees
from tests.networks import network

INPUT = "g (float[1,2] x, float[1,2] u, float[1,2] v) =>"


def names(values) -> list[str]:
    return [value.name for value in values]


@pytest.mark.parametrize(
    ("body", "leaves"),
    [
        ("a = Add(x, u) y = Add(a, v)", ["x", "u", "v"]),
        ("a = Add(u, v) y = Add(x, a)", ["x", "u", "v"]),
        ("a = Sum(x, u, x) y = Add(a, v)", ["x", "u", "x", "v"]),
        ("a = Add(x, u) b = Add(u, v) y = Sum(b, x, a)", ["u", "v", "x", "x", "u"]),
        ("y = Add(x, x)", ["x", "x"]),
    ],
)
def test_a_sum_lists_what_it_adds_from_left_to_right(body, leaves):
    graph = network(f"{INPUT} (y) {{ {body} }}").model.graph
    (tree,) = sum_trees(graph)

    assert tree.root.outputs[0].name == "y"
    assert names(tree.leaves) == leaves
    assert len(tree.inner) == len(graph) - 1


@pytest.mark.parametrize(
    ("outputs", "body"),
    [
        ("(y, a)", "a = Add(x, u) y = Add(a, v)"),
        ("(y, z)", "a = Add(x, u) y = Add(a, v) z = Relu(a)"),
        ("(y)", "a = Add(x, u) y = Add(a, a)"),
        ("(y)", "a = Add(x, u) b = Relu(a) y = Add(b, v)"),
    ],
)
def test_a_sum_that_something_else_needs_too_is_a_sum_of_its_own(outputs, body):
    trees = list(sum_trees(network(f"{INPUT} {outputs} {{ {body} }}").model.graph))

    assert [tree.root.outputs[0].name for tree in trees] == ["a", "y"]
    assert [tree.inner for tree in trees] == [(), ()]


def test_a_sum_that_only_a_subgraph_reads_is_a_sum_of_its_own():
    graph = network(
        """g (float[1,2] x, bool c) => (y) { a = Add(x, x)
        y = If (c) <then_branch = t () => (float[1,2] p) { p = Add(a, one) },
                    else_branch = e () => (float[1,2] q) { q = Sub(one, one) }> }""",
        one=np.ones((1, 2), np.float32),
    ).model.graph

    assert [tree.root.op_type for tree in sum_trees(graph)] == ["Add"]


def test_a_part_of_a_sum_is_read_like_the_whole():
    graph = network(f"{INPUT} (y) {{ a = Add(x, u) y = Add(a, v) }}").model.graph

    assert names(sum_tree(graph[0]).leaves) == ["x", "u"]
