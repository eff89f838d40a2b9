import numpy as np
import pytest

from edgekit.errors import ConfigError
from edgekit.export.lower_opset import lower_opset
from tests.export.opsets import graph_of, largest_difference, op_types

IMAGE = "g (float[2,6,4,5] x) => (y)"
TYPED = "g (float[2,6,4,5] x) => (float[2,6,4,5] y)"
ACTIVATIONS = {
    "Mish": (18, 17),
    "HardSwish": (14, 13),
    "Gelu": (20, 19),
    'Gelu<approximate="tanh">': (20, 13),
}
rng = np.random.default_rng(0)
LAST = {"s": rng.normal(size=5).astype("f"), "b": rng.normal(size=5).astype("f")}
CHANNELS = {"s": rng.normal(size=6).astype("f"), "b": rng.normal(size=6).astype("f")}
GROUPS = {"s": rng.normal(size=3).astype("f"), "b": rng.normal(size=3).astype("f")}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_an_activation_is_written_out(name):
    source, opset = ACTIVATIONS[name]
    graph = graph_of(f"{IMAGE} {{ y = {name}(x) }}", source)

    assert largest_difference(graph, opset) < 1e-6
    assert name.partition("<")[0] not in op_types(lower_opset(graph, opset))


@pytest.mark.parametrize("alpha", [1.0, 1.702])
def test_a_swish_is_its_input_times_the_sigmoid(alpha):
    graph = graph_of(f"{IMAGE} {{ y = Swish<alpha={alpha}>(x) }}", 24)
    written = graph_of(
        f"{IMAGE} {{ b = Mul(x, a) s = Sigmoid(b) y = Mul(x, s) }}", 17, a=np.float32(alpha)
    )
    lowered = lower_opset(graph, 17)

    assert op_types(lowered) == (["Mul"] if alpha != 1 else []) + ["Sigmoid", "Mul"]
    assert largest_difference(written, 17) == 0


@pytest.mark.parametrize("opset", [16, 13])
@pytest.mark.parametrize(
    ("node", "weights"),
    [
        ("LayerNormalization(x, s, b)", LAST),
        ("LayerNormalization<axis=3, epsilon=0.1>(x, s)", {"s": LAST["s"]}),
        (
            "LayerNormalization<axis=1>(x, s, b)",
            {name: rng.normal(size=(6, 4, 5)).astype("f") for name in "sb"},
        ),
    ],
)
def test_a_layer_normalization_is_written_out(opset, node, weights):
    graph = graph_of(f"{IMAGE} {{ y = {node} }}", 18, **weights)

    assert largest_difference(graph, opset) < 1e-6


@pytest.mark.parametrize(
    ("source", "opset", "weights"),
    [(18, 17, GROUPS), (18, 13, GROUPS), (21, 18, CHANNELS), (21, 13, CHANNELS)],
)
def test_groups_are_scaled_by_group_until_opset_21_and_by_channel_from_then_on(
    source, opset, weights
):
    text = f"{TYPED} {{ y = GroupNormalization<num_groups=3, epsilon=0.01>(x, s, b) }}"
    graph = graph_of(text, source, **weights)

    assert largest_difference(graph, opset) < 1e-6
    assert "GroupNormalization" not in op_types(lower_opset(graph, opset))


def test_groups_scaled_by_group_stay_where_the_opset_has_them():
    text = f"{TYPED} {{ y = GroupNormalization<num_groups=3>(x, s, b) }}"

    assert op_types(lower_opset(graph_of(text, 20, **GROUPS), 18)) == ["GroupNormalization"]


def test_an_activation_of_unknown_type_is_refused():
    graph = graph_of(f"{IMAGE} {{ y = Mish(x) }}", 18)
    graph.model.graph.inputs[0].shape = None

    with pytest.raises(ConfigError, match=r"'Mish' \(Mish\): the type or the number"):
        lower_opset(graph, 17)


def test_a_mean_that_is_used_besides_is_refused():
    text = "g (float[2,6] x) => (y, m) { y, m, d = LayerNormalization(x, s) }"
    graph = graph_of(text, 17, s=np.ones(6, np.float32))

    with pytest.raises(ConfigError, match="its mean or its deviation is used besides"):
        lower_opset(graph, 16)
