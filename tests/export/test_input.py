import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgekit.backends.onnxruntime import OnnxRuntime
from edgekit.errors import ParityError, StageError
from edgekit.export.input import IMAGE, bake_input, prove_input
from edgekit.graphs import graph_from_model, graph_to_bytes
from edgekit.images.letterbox import to_input
from edgekit.values import Preprocess
from tests.networks import network
from tests.strategies import seeds

RUNTIME = OnnxRuntime(threads=1)
IMAGENET = {"mean": (123.675, 116.28, 103.53), "std": (58.395, 57.12, 57.375)}
NORMALIZATIONS = [
    {},
    {"std": (1.0, 1.0, 1.0)},
    IMAGENET,
    {"std": IMAGENET["std"]},
    {"mean": (127.5, 127.5, 127.5), "std": (127.5, 127.5, 127.5)},
]


def identity(height: int, width: int):
    return network(f"g (float[1,3,{height},{width}] x) => (y) {{ y = Abs(x) z = Neg(x) }}")


def run(graph, image: np.ndarray) -> np.ndarray:
    with RUNTIME.open(graph_to_bytes(graph)) as session:
        return session.run({session.inputs[0].name: image})["y"]


@settings(max_examples=40, deadline=None)
@given(seeds, st.sampled_from(NORMALIZATIONS), st.integers(1, 9), st.integers(1, 9))
def test_the_baked_input_equals_preprocessing_outside(seed, numbers, height, width):
    preprocess = Preprocess((height, width), **numbers)
    image = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    found = run(bake_input(identity(height, width), preprocess), image[None])
    np.testing.assert_allclose(found, np.abs(to_input(image, preprocess)), rtol=3e-7, atol=1e-6)


@pytest.mark.parametrize("numbers", NORMALIZATIONS)
def test_the_baked_input_is_proved_on_images(numbers):
    graph, preprocess = identity(20, 30), Preprocess((20, 30), **numbers)
    parity = prove_input(graph, bake_input(graph, preprocess), preprocess, RUNTIME)
    assert (parity.max_rel < 1e-6, parity.runs) == (True, 2)


def test_another_normalization_than_the_one_outside_is_found():
    graph, preprocess = identity(20, 30), Preprocess((20, 30))
    baked = bake_input(graph, Preprocess((20, 30), std=(256.0, 256.0, 256.0)))
    with pytest.raises(ParityError, match="'y'"):
        prove_input(graph, baked, preprocess, RUNTIME)


def test_the_input_is_the_image_itself():
    baked = bake_input(identity(4, 6), Preprocess((4, 6)))
    with RUNTIME.open(graph_to_bytes(baked)) as session:
        (info,) = session.inputs
    assert (info.name, info.dtype, info.shape) == (IMAGE, "uint8", (1, 4, 6, 3))


def test_a_plain_scale_is_one_dequantization_and_no_arithmetic():
    baked = bake_input(identity(4, 6), Preprocess((4, 6)))
    assert [n.op_type for n in baked.model.graph][:2] == ["Transpose", "DequantizeLinear"]
    baked = bake_input(identity(4, 6), Preprocess((4, 6), **IMAGENET))
    assert [n.op_type for n in baked.model.graph][1:4] == ["Cast", "Sub", "Div"]


def test_the_value_the_network_works_on_keeps_its_name():
    graph = bake_input(identity(4, 6), Preprocess((4, 6))).model.graph
    assert [node.outputs[0].name for node in graph][:3] == ["image_planar", "x", "y"]


def test_a_network_that_already_uses_the_names_still_gets_its_own():
    text = (
        f"g (float[1,3,4,6] {IMAGE}) => (y) {{ image_planar = Neg({IMAGE}) y = Abs(image_planar) }}"
    )
    baked = bake_input(network(text), Preprocess((4, 6), std=(1.0, 1.0, 1.0)))
    names = [value.name for node in baked.model.graph for value in node.outputs]
    assert len({*names, IMAGE}) == len(names) + 1
    assert run(baked, np.full((1, 4, 6, 3), 7, np.uint8)).max() == 7.0


@pytest.mark.parametrize(
    "text",
    [
        "g (float[1,3,4,5] x) => (y) { y = Relu(x) }",
        "g (uint8[1,3,4,6] x) => (y) { y = Cast<to=1>(x) }",
        "g (float[1,3,4,6] x, float[1,3,4,6] z) => (y) { y = Add(x, z) }",
    ],
)
def test_another_input_is_an_error_that_says_what_was_expected(text):
    with pytest.raises(StageError, match=r"expected one FLOAT input of \(1, 3, 4, 6\)"):
        bake_input(network(text), Preprocess((4, 6)))


def test_the_graph_handed_in_is_left_alone():
    graph = identity(4, 6)
    bake_input(graph, Preprocess((4, 6)))
    assert graph_from_model(graph.model).sha256 == graph.sha256
