import numpy as np
import pytest

from edgekit.errors import ConfigError
from edgekit.quantize.select import CHOSEN, DECODE, LAST, float_nodes
from tests.networks import network

ONE = np.ones((3, 3, 1, 1), np.float32)
TEXT = """g (float[1,3,4,4] x) => (raw, boxes) {
    a = Conv(x, w)
    r = Relu(a)
    raw = Conv(r, w)
    b = Conv(r, w)
    k = Transpose(b)
    c = Conv(r, w)
    boxes = Mul(c, k)
}"""


@pytest.fixture
def graph():
    return network(TEXT, w=ONE)


def test_layers_that_leave_the_network_or_enter_the_decode_are_last(graph):
    kept = float_nodes(graph, ["Mul", "Transpose"], [])

    assert kept == {
        "Mul": DECODE,
        "Transpose": DECODE,
        "Conv_1": LAST,
        "Conv_2": LAST,
        "Conv_3": LAST,
    }


def test_a_layer_with_something_between_it_and_the_decode_is_not_last(graph):
    assert set(float_nodes(graph, ["Mul"], [])) == {"Mul", "Conv_1", "Conv_3"}


def test_a_layer_whose_weight_is_computed_is_not_last():
    graph = network("g (float[2,2] x, float[2,2] v) => (y) { y = MatMul(x, v) }")

    assert float_nodes(graph, [], []) == {}


def test_the_decode_may_name_nodes_that_were_cut_off(graph):
    assert "Nothing" not in float_nodes(graph, ["Nothing"], [])


@pytest.mark.parametrize(
    ("pattern", "names"),
    [("Conv", {"Conv"}), ("Re*", {"Relu"}), ("Conv_?", {"Conv_1", "Conv_2", "Conv_3"})],
)
def test_what_a_recipe_names_stays_in_float(graph, pattern, names):
    kept = float_nodes(graph, [], [pattern])

    assert {name for name, reason in kept.items() if reason == CHOSEN} == names


def test_a_pattern_that_matches_nothing_is_an_error_with_the_nearest_names(graph):
    with pytest.raises(ConfigError, match=r"'Con_1' matches no node .* Conv_1.*edgekit inspect"):
        float_nodes(graph, [], ["Conv", "Con_1"])


def test_a_pattern_like_no_name_says_so(graph):
    with pytest.raises(ConfigError, match="Nearest names: none"):
        float_nodes(graph, [], ["qqqqqqq"])
