from itertools import permutations, product

import numpy as np
import pytest

from edgekit.backends.onnxruntime import OnnxRuntime
from edgekit.graphs import graph_from_model, graph_to_bytes
from edgekit.reparam.branches import write_branch
from edgekit.reparam.focus import focus_of
from edgekit.reparam.rules import take_over
from tests.networks import network

RUNTIME = OnnxRuntime(threads=1, optimize=False)
END = 2**63 - 1


def constants(**numbers: list[int]) -> dict[str, np.ndarray]:
    return {name: np.int64(given) for name, given in numbers.items()}


NUMBERS = constants(
    n0=[0], n1=[1], n2=[2], end=[END], rows=[2], cols=[3], both=[2, 3], back=[-2, -1],
    s2=[2, 2], ends=[END, 8], z00=[0, 0], z01=[0, 1], z10=[1, 0], z11=[1, 1], z02=[0, 2], last=[-1],
    n3=[3], s3=[3, 3], image=[0],
)  # fmt: skip


def whole(body: str, size: str = "8,8"):
    return network(f"g (float[1,3,{size}] x) => (y) {{ {body} }}", **NUMBERS)


def end_of(graph):
    return graph.model.graph.outputs[0].producer()


def by_axis(order) -> str:
    """The module Focus of YOLOv5: every second row, of these every second column, 4 times."""
    lines = [
        f"r{i} = Slice(x, n{row}, end, rows, n2) p{i} = Slice(r{i}, n{col}, end, cols, n2)"
        for i, (row, col) in enumerate(order)
    ]
    return " ".join(lines) + " y = Concat<axis=1>(p0, p1, p2, p3)"


def at_once(order, axes: str = "both") -> str:
    lines = [
        f"p{i} = Slice(x, z{row}{col}, ends, {axes}, s2)" for i, (row, col) in enumerate(order)
    ]
    return " ".join(lines) + " y = Concat<axis=-3>(p0, p1, p2, p3)"


ORDER = ((0, 0), (1, 0), (0, 1), (1, 1))
SPREADS = {
    "YOLOv5": by_axis(ORDER),
    "by rows": by_axis(sorted(ORDER)),
    "at once": at_once(ORDER),
    "from the end": at_once(ORDER, "back"),
    "space to depth": "y = SpaceToDepth<blocksize=2>(x)",
    "blocks of four": "y = SpaceToDepth<blocksize=4>(x)",
    "a part of each block": "p = Slice(x, z01, ends, both, s2) y = Concat<axis=1>(p, p)",
    "columns first": (
        "c = Slice(x, n1, end, cols, n2) p = Slice(c, n0, end, rows, n2) y = Concat<axis=1>(p)"
    ),
}


@pytest.mark.parametrize("name", SPREADS)
def test_blocks_spread_to_channels_are_a_convolution(name):
    graph = whole(SPREADS[name])
    model = graph.model.clone()
    node = model.graph.outputs[0].producer()
    x = np.random.default_rng(0).normal(size=(1, 3, 8, 8)).astype(np.float32)

    branch = focus_of(node)
    assert (branch.macs, branch.conv, str(branch.source.name)) == (0, None, "x")
    take_over(write_branch(branch, node, "written"), node.outputs[0])

    with (
        RUNTIME.open(graph_to_bytes(graph)) as before,
        RUNTIME.open(graph_to_bytes(graph_from_model(model))) as after,
    ):
        np.testing.assert_array_equal(after.run({"x": x})["y"], before.run({"x": x})["y"])


def test_every_order_of_the_pixels_is_read():
    for order in permutations(ORDER):
        weight = focus_of(end_of(whole(by_axis(order)))).layer.weight
        for (number, (row, col)), channel in product(enumerate(order), range(3)):
            assert weight[3 * number + channel, channel, row, col] == 1
        assert weight.sum() == 12


def test_the_nodes_are_told_in_order():
    nodes = focus_of(end_of(whole(SPREADS["YOLOv5"]))).nodes

    assert [n.op_type for n in nodes] == ["Slice", "Slice"] * 4 + ["Concat"]


OTHERS = {
    "crops": ("p = Slice(x, z11, ends, both) y = Concat<axis=1>(p, p)", "8,8"),
    "two images": (
        (
            "r = Relu(x) p = Slice(x, z00, ends, both, s2) "
            "q = Slice(r, z00, ends, both, s2) y = Concat<axis=1>(p, q)"
        ),
        "8,8",
    ),
    "an odd size": (SPREADS["YOLOv5"], "9,8"),
    "not from the first block": (
        "p = Slice(x, z02, ends, both, s2) y = Concat<axis=1>(p, p)",
        "8,8",
    ),
    "not to the last": ("p = Slice(x, z00, s3, both, s2) y = Concat<axis=1>(p, p)", "8,8"),
    "rows only": ("p = Slice(x, n0, end, rows, n2) y = Concat<axis=1>(p, p)", "8,8"),
    "rows twice": (
        (
            "a = Slice(x, n0, end, rows, n2) b = Slice(a, n0, end, rows, n2) "
            "p = Slice(b, n0, end, cols, n2) y = Concat<axis=1>(p, p)"
        ),
        "8,8",
    ),
    "uneven steps": (
        (
            "a = Slice(x, n0, end, rows, n2) p = Slice(a, n0, end, cols, n1) "
            "y = Concat<axis=1>(p, p)"
        ),
        "8,8",
    ),
    "along another axis": ("p = Slice(x, z00, ends, both, s2) y = Concat<axis=2>(p, p)", "8,8"),
    "something between": (
        "p = Slice(x, z00, ends, both, s2) r = Relu(p) y = Concat<axis=1>(p, r)",
        "8,8",
    ),
    "no concat": ("y = Relu(x)", "8,8"),
    "an unknown size": ("y = SpaceToDepth<blocksize=2>(x)", "8,W"),
    "a computed start": (
        (
            "s = Shape<start=0, end=1>(x) p = Slice(x, s, n3, rows, n2) "
            "q = Slice(p, n0, end, cols, n2) y = Concat<axis=1>(q)"
        ),
        "8,8",
    ),
}


@pytest.mark.parametrize("name", OTHERS)
def test_slices_that_take_no_whole_blocks_are_none(name):
    body, size = OTHERS[name]

    assert focus_of(end_of(whole(body, size))) is None
