import importlib

import numpy as np
import pytest

from edgekit.calibrate.backward.graph import with_gradients
from edgekit.calibrate.backward.rules import RULES
from tests.calibrate.backward.against_torch import built

REFUSED = {
    "a kind of operator nobody knows": "y = Sin(x)",
    "an image resized smoothly": 'y = Resize <mode="linear">(x, , s)',
    "a slice with steps": "y = Slice(x, a, b, c, d)",
    "mirrored padding": 'y = Pad <mode="reflect">(x, p)',
    "windows with gaps": "y = MaxPool <kernel_shape=[2,2], dilations=[2,2]>(x)",
    "a computed power": "y = Pow(x, x)",
}
CONSTANTS = {
    "s": np.array([1, 1, 2, 2], np.float32),
    "a": np.array([0]),
    "b": np.array([9]),
    "c": np.array([2]),
    "d": np.array([2]),
    "p": np.array([0, 0, 1, 1, 0, 0, 1, 1]),
}


@pytest.mark.parametrize("name", REFUSED)
def test_where_a_gradient_is_not_known_there_is_none(name):
    graph = built(REFUSED[name], **CONSTANTS)

    assert with_gradients(graph, ["x"]).values == ()


def test_part_of_a_gradient_is_not_passed_for_the_whole():
    graph = built("s = Sin(x) y = Add(x, s)")

    backward = with_gradients(graph, ["x", "s"])

    assert backward.values == ("s",)


def test_a_network_keeps_its_outputs_and_gets_a_seed_for_each():
    backward = with_gradients(built("y = Relu(x)"), ["x"])

    graph = backward.graph.model.graph
    assert [value.name for value in graph.inputs] == ["image", "backward.seed.y"]
    assert [value.name for value in graph.outputs] == ["y", "backward.gradient.x"]


def test_every_rule_is_tried_against_torch():
    modules = ("elementwise", "layout", "windows")
    tried = {
        node.op_type
        for name in modules
        for nodes, initializers, _ in importlib.import_module(
            f"tests.calibrate.backward.test_{name}"
        ).CASES.values()
        for node in built(nodes, **initializers).model.graph
    }

    assert set(RULES) - tried == set()
