from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgekit.reparam.blocks import prove_blocks
from edgekit.reparam.pools import chain_pools
from tests.networks import network
from tests.reparam.running import RUNTIME, run
from tests.strategies import seeds


def same(kernel: int, source: str = "x") -> str:
    return f"MaxPool<kernel_shape=[{kernel},{kernel}], pads={[kernel // 2] * 4}>({source})"


def side_by_side(*pools: str, size: str = "16,13"):
    lines = [f"p{i} = {pool}" for i, pool in enumerate(pools)]
    names = ", ".join(f"p{i}" for i in range(len(pools)))
    body = f"{' '.join(lines)} y = Concat<axis=1>(x, {names})"
    return network(f"g (float[1,2,{size}] x) => (y) {{ {body} }}")


def kernels(graph) -> dict[str, tuple[int, ...]]:
    pools = (node for node in graph.model.graph if node.op_type == "MaxPool")
    return {str(n.name): tuple(n.attributes.get_ints("kernel_shape")) for n in pools}


@pytest.mark.parametrize("order", list(permutations((5, 9, 13))))
def test_spp_becomes_three_pools_of_five_whatever_their_order(order):
    graph = side_by_side(*(same(kernel) for kernel in order))
    x = np.random.default_rng(0).normal(size=(1, 2, 16, 13)).astype(np.float32)

    result = chain_pools(graph)

    assert set(kernels(result.graph).values()) == {(5, 5)}
    assert len(kernels(result.graph)) == 3
    np.testing.assert_array_equal(run(result.graph, x), run(graph, x))
    assert {proof.difference for proof in prove_blocks(graph, result, RUNTIME, {"x": x})} == {0.0}
    assert chain_pools(result.graph).done == ()


@settings(max_examples=60)
@given(
    seed=seeds,
    sizes=st.lists(st.tuples(*[st.integers(0, 4)] * 4), min_size=2, max_size=4),
    shape=st.tuples(st.integers(1, 12), st.integers(1, 12)),
)
def test_pools_that_keep_the_size_give_what_they_gave(seed, sizes, shape):
    pools = [
        f"MaxPool<kernel_shape=[{t + b + 1},{le + r + 1}], pads=[{t},{le},{b},{r}]>(x)"
        for t, le, b, r in sizes
    ]
    graph = side_by_side(*pools, size=f"{shape[0]},{shape[1]}")
    x = np.random.default_rng(seed).normal(size=(1, 2, *shape)).astype(np.float32)

    result = chain_pools(graph)

    np.testing.assert_array_equal(run(result.graph, x), run(graph, x))
    area = [sum(h * w for h, w in kernels(g).values()) for g in (result.graph, graph)]
    assert area[0] < area[1] if result.done else area[0] == area[1]


@pytest.mark.parametrize(
    "pool",
    [
        "MaxPool<kernel_shape=[9,9], strides=[2,2], pads=[4,4,4,4]>(x)",
        "MaxPool<kernel_shape=[9,9]>(x)",
        "MaxPool<kernel_shape=[5,5], dilations=[2,2], pads=[4,4,4,4]>(x)",
        "MaxPool<kernel_shape=[9,1], pads=[4,0,4,0]>(x)",
        "AveragePool<kernel_shape=[9,9], pads=[4,4,4,4]>(x)",
        "MaxPool<kernel_shape=[9,9], pads=[4,4,4,4]>(r)",
    ],
    ids=["strided", "shrinking", "dilated", "not around it", "an average", "of another image"],
)
def test_pools_that_do_not_cover_each_other_stay(pool):
    body = f"r = Relu(x) a = {same(5)} b = {pool} c = Relu(a) d = Relu(b) y = Tanh(x)"
    graph = network(f"g (float[1,2,16,16] x) => (y, c, d) {{ {body} }}")

    assert chain_pools(graph).done == ()


def test_a_pool_that_only_runs_sometimes_is_no_source_for_another():
    graph = network(
        f"""g (float[1,2,16,16] x, bool c) => (y, z) {{ z = {same(9)} y = If (c) <
        then_branch = one () => (float[1,2,16,16] t) {{ t = {same(5)} }},
        else_branch = two () => (float[1,2,16,16] e) {{ e = Neg(x) }}> }}"""
    )
    assert chain_pools(graph).done == ()


def test_equal_pools_stay_and_one_that_keeps_everything_is_none():
    assert chain_pools(side_by_side(same(5), same(5))).done == ()
    assert chain_pools(side_by_side(same(5), same(1))).done == ()


def test_automatic_padding_is_read():
    wide = 'MaxPool<kernel_shape=[6,6], auto_pad="SAME_UPPER">(x)'
    graph = side_by_side(wide, same(3))
    x = np.random.default_rng(0).normal(size=(1, 2, 16, 13)).astype(np.float32)

    result = chain_pools(graph)

    assert kernels(result.graph)["MaxPool"] == (4, 4)
    np.testing.assert_array_equal(run(result.graph, x), run(graph, x))


def test_an_unknown_size_stays():
    assert chain_pools(side_by_side(same(5), same(9), size="16,W")).done == ()
