import numpy as np
import pytest

from edgekit.reparam.windows import window_of
from tests.networks import network

AT = np.arange(3)


def node(text: str, **weights):
    graph = network(f"g (float[1,1,7,7] x) => (y) {{ y = {text} }}", **weights).model.graph
    return graph[0], graph.outputs[0].shape


KERNEL = {"w": np.ones((1, 1, 3, 3), np.float32)}
NODES = {
    "Conv<pads=[1,1,1,1], strides=[2,2]>(x, w)": [[-1, 0, 1], [1, 2, 3], [3, 4, 5]],
    "Conv<dilations=[2,2]>(x, w)": [[0, 2, 4], [1, 3, 5], [2, 4, 6]],
    'Conv<auto_pad="SAME_UPPER", strides=[3,3]>(x, w)': [[-1, 0, 1], [2, 3, 4], [5, 6, 7]],
    "ConvTranspose<strides=[2,2]>(x, w)": [[0, -1, -1], [-1, 0, -1], [1, -1, 0]],
    "MaxPool<kernel_shape=[2,2], strides=[2,2]>(x)": [[0, 1], [2, 3], [4, 5]],
    "Relu(x)": [[0], [1], [2]],
}


@pytest.mark.parametrize("text", NODES)
def test_each_output_reads_what_the_definition_says(text):
    found, shape = node(text, **(KERNEL if "w)" in text else {}))
    for axis in (0, 1):
        window = window_of(found, axis, 7)
        assert window.outputs == shape[2 + axis]
        assert window.reads(AT).tolist() == NODES[text]


@pytest.mark.parametrize("axis", [3, -1])
@pytest.mark.parametrize(
    ("start", "end", "step"), [(0, 2**63 - 1, 2), (1, -1, 2), (-3, 7, 1), (2, 5, 1)]
)
def test_a_slice_reads_what_python_would(start, end, step, axis):
    numbers = {"s": [start], "e": [end], "a": [axis], "t": [step]}
    arrays = {name: np.int64(given) for name, given in numbers.items()}
    found, _ = node("Slice(x, s, e, a, t)", **arrays)
    window, rows = window_of(found, 1, 7), window_of(found, 0, 7)

    read = window.reads(np.arange(window.outputs))[:, 0].tolist()
    assert read == list(range(7))[start:end:step]
    assert (rows.outputs, rows.stride) == (7, 1)


def test_blocks_of_two_make_the_image_half_as_long():
    graph = network("g (float[1,1,8,8] x) => (y) { y = SpaceToDepth<blocksize=2>(x) }").model.graph
    assert window_of(graph[0], 0, 8).outputs == 4
