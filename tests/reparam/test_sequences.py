import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgekit.macs import macs_per_node, parameters
from edgekit.reparam.blocks import prove_blocks
from edgekit.reparam.parity import prove_parity
from edgekit.reparam.probes import probe_inputs
from edgekit.reparam.sequences import join_sequences
from tests.networks import network
from tests.reparam.running import RUNTIME, op_types, run
from tests.strategies import seeds

RNG = np.random.default_rng(0)


@settings(max_examples=100)
@given(
    seed=seeds,
    channels=st.tuples(*[st.sampled_from([4, 8, 12])] * 3),
    kernel=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    behind=st.booleans(),
    groups=st.tuples(*[st.sampled_from([1, 2, 4])] * 2),
    strides=st.tuples(st.integers(1, 2), st.integers(1, 2)),
    pads=st.tuples(*[st.integers(0, 1)] * 4),
    biased=st.booleans(),
)
def test_two_in_a_row_are_one_exactly_where_that_is_exact_and_no_more_work(
    *, seed, channels, kernel, behind, groups, strides, pads, biased
):
    rng = np.random.default_rng(seed)
    one, middle, two = channels
    kernels = (kernel, (1, 1)) if behind else ((1, 1), kernel)
    given = [list(pads), [0] * 4] if behind else [[0] * 4, list(pads)]
    conv = [
        f"Conv<group={g}, strides=[{s},{s}], pads={p}>"
        for g, s, p in zip(groups, strides, given, strict=True)
    ]
    arrays = {
        "v": rng.normal(size=(middle, one // groups[0], *kernels[0])),
        "w": rng.normal(size=(two, middle // groups[1], *kernels[1])),
        "b": rng.normal(size=middle),
    }
    body = f"m = {conv[0]}(x, v{', b' * biased}) y = {conv[1]}(m, w)"
    graph = network(
        f"g (float[1,{one},8,9] x) => (y) {{ {body} }}",
        **{name: array.astype(np.float32) for name, array in arrays.items()},
    )
    x = rng.normal(size=(1, one, 8, 9)).astype(np.float32)

    result = join_sequences(graph)

    found, wanted = run(result.graph, x), run(graph, x)
    np.testing.assert_allclose(found, wanted, atol=1e-4 * max(1, np.abs(wanted).max()))
    work = [sum(macs_per_node(g).values()) for g in (result.graph, graph)]
    if result.done:
        assert (op_types(result.graph), work[0] <= work[1]) == (["Conv"], True)
        assert parameters(result.graph) <= parameters(graph) + two
        (proof,) = prove_blocks(graph, result, RUNTIME, {"x": x})
        assert proof.error <= 1
    elif not result.refused:
        assert groups[0] != groups[1]
    else:
        inexact = "would have its bias there" in result.refused[0].reason
        dearer = any(word in result.refused[0].reason for word in ("would take", "would hold"))
        assert inexact or dearer
        assert not inexact or (biased and any(given[1]))


def test_a_layer_that_is_no_dearer_has_no_more_parameters():
    graph = SAME["a 1x1 without bias before"]
    once = join_sequences(graph).graph

    assert parameters(once) <= parameters(graph) + 4
    assert sum(macs_per_node(once).values()) < sum(macs_per_node(graph).values())


W = {
    "w1": RNG.normal(size=(4, 4, 1, 1)).astype(np.float32),
    "w3": RNG.normal(size=(4, 4, 3, 3)).astype(np.float32),
    "dw": RNG.normal(size=(4, 1, 3, 3)).astype(np.float32),
    "from12": RNG.normal(size=(10, 12, 1, 1)).astype(np.float32),
    "to8": RNG.normal(size=(8, 10, 3, 3)).astype(np.float32),
    "waist": RNG.normal(size=(2, 4, 1, 1)).astype(np.float32),
    "out": RNG.normal(size=(4, 2, 3, 3)).astype(np.float32),
    "wide": RNG.normal(size=(8, 4, 1, 1)).astype(np.float32),
    "back": RNG.normal(size=(4, 8, 1, 1)).astype(np.float32),
    "stem": RNG.normal(size=(8, 16, 3, 3)).astype(np.float32),
    "b": RNG.normal(size=4).astype(np.float32),
    "spread": np.int64([2, 2]),
    "z00": np.int64([0, 0]),
    "z01": np.int64([0, 1]),
    "z10": np.int64([1, 0]),
    "z11": np.int64([1, 1]),
    "end": np.int64([8, 8]),
    "axes": np.int64([2, 3]),
}
INPUT = "g (float[1,4,8,8] x) =>"
PADDED = "Conv<pads=[1,1,1,1]>"


def whole(body: str):
    return network(f"{INPUT} {body}", **W)


SAME = {
    "a 1x1 without bias before": whole(f"(y) {{ m = Conv(x, w1) y = {PADDED}(m, w3) }}"),
    "a 1x1 with bias behind": whole(f"(y) {{ m = {PADDED}(x, w3, b) y = Conv(m, w1, b) }}"),
    "a 1x1 with bias before no padding": whole("(y) { m = Conv(x, w1, b) y = Conv(m, w3, b) }"),
    "a narrow waist the other way": whole("(y) { m = Conv(x, wide) y = Conv(m, back) }"),
    "three": whole(f"(y) {{ l = Conv(x, w1) m = {PADDED}(l, w3) y = Conv(m, w1) }}"),
}


@pytest.mark.parametrize("name", SAME)
def test_a_row_of_convolutions_is_one(name):
    graph = SAME[name]
    result = join_sequences(graph)

    assert op_types(result.graph) == ["Conv"]
    (done,) = result.done
    assert {done.node, *done.gone} == {str(n.name) for n in graph.model.graph}
    assert (done.source, done.value) == ("x", "y")
    prove_blocks(graph, result, RUNTIME, probe_inputs(graph)[1])
    assert prove_parity(graph, result.graph, RUNTIME, probe_inputs(graph)).max_rel < 1e-5


FOCUS = (
    "a = Slice(x, z00, end, axes, spread) c = Slice(x, z10, end, axes, spread) "
    "d = Slice(x, z01, end, axes, spread) e = Slice(x, z11, end, axes, spread) "
    "f = Concat<axis=1>(a, c, d, e)"
)


@pytest.mark.parametrize("blocks", [FOCUS, "f = SpaceToDepth<blocksize=2>(x)"])
@pytest.mark.parametrize(("conv", "pads"), [(PADDED, 2), ("Conv", 0)])
def test_blocks_spread_before_a_convolution_become_one_of_six_by_six(blocks, conv, pads):
    graph = whole(f"(y) {{ {blocks} y = {conv}(f, stem) }}")
    result = join_sequences(graph)

    (node,) = result.graph.model.graph
    attributes = {name: attribute.value for name, attribute in node.attributes.items()}
    assert attributes == {
        "group": 1,
        "kernel_shape": (6, 6),
        "dilations": (1, 1),
        "pads": (pads,) * 4,
        "strides": (2, 2),
    }
    assert sum(macs_per_node(graph).values()) == sum(macs_per_node(result.graph).values())
    (proof,) = prove_blocks(graph, result, RUNTIME, probe_inputs(graph)[1])
    assert (proof.rule, proof.nodes_before) == ("blocks spread to channels", len(graph.model.graph))
    assert prove_parity(graph, result.graph, RUNTIME, probe_inputs(graph)).max_rel < 1e-5


def test_slices_that_something_else_reads_stay_for_it():
    graph = whole(f"(y, z) {{ {FOCUS} y = {PADDED}(f, stem) z = Relu(a) }}")
    result = join_sequences(graph)

    assert sorted(op_types(result.graph)) == ["Conv", "Relu", "Slice"]
    assert prove_parity(graph, result.graph, RUNTIME, probe_inputs(graph)).max_rel < 1e-5


REFUSALS = {
    "would hold 864 weights, apart they hold 840": (
        "(y) { s = Concat<axis=1>(x, x, x) r = Relu(s) m = Conv(r, from12) "
        "y = Conv<strides=[2,2], pads=[1,1,1,1]>(m, to8) }"
    ),
    "which would have its bias there": f"(y) {{ m = Conv(x, w1, b) y = {PADDED}(m, w3) }}",
    "it would take 9216 multiply-accumulates, apart they take 5120": (
        f"(y) {{ m = Conv(x, waist) y = {PADDED}(m, out) }}"
    ),
    "'Conv_1' has no constant weight": "(y) { n = Relu(w3) m = Conv(x, w1) y = Conv(m, n) }",
}


@pytest.mark.parametrize("reason", REFUSALS)
def test_what_is_not_the_same_or_dearer_stays_with_the_reason(reason):
    graph = whole(REFUSALS[reason])
    result = join_sequences(graph)

    assert result.done == ()
    assert reason in result.refused[0].reason
    assert result.graph is graph


@pytest.mark.parametrize(
    "body",
    [
        "(y) { m = Conv(x, w1) n = Relu(m) y = Conv(n, w3) }",
        "(y, z) { m = Conv(x, w1) y = Conv(m, w3) z = Relu(m) }",
        "(y, m) { m = Conv(x, w1) y = Conv(m, w3) }",
        "(y) { m = Conv(x, w3) y = Conv(m, w3) }",
        "(y) { m = ConvTranspose(x, w1) y = Conv(m, w3) }",
        "(y) { m = Conv<group=4, pads=[1,1,1,1]>(x, dw) y = Conv(m, w1) }",
    ],
    ids=["activation", "two readers", "an output", "both wide", "transposed", "separable"],
)
def test_other_rows_are_no_business_of_it(body):
    result = join_sequences(whole(body))

    assert (result.done, result.refused) == ((), ())
