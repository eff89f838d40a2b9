import numpy as np
import onnx
import onnx_ir as ir
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgekit.graphs import graph_from_model, graph_from_proto
from edgekit.macs import macs_per_node
from edgekit.reparam.merge import MergeBranches, Merged, merge_branches
from edgekit.reparam.parity import prove_parity
from edgekit.reparam.probes import probe_inputs
from tests.networks import network
from tests.reparam.branches import (
    SameTerm,
    Sum,
    centred_term,
    conv_term,
    norm_term,
)
from tests.reparam.running import RUNTIME, op_types, run
from tests.strategies import seeds


def attributes(node) -> dict:
    return {name: attribute.value for name, attribute in node.attributes.items()}


@st.composite
def conv_terms(draw, rng, channels, stride):
    """Any Conv that gives one output per ``stride`` inputs: its padding makes up for its size."""
    inputs, outputs = channels
    dilation = draw(st.integers(1, 3))
    kernel = draw(st.tuples(*[st.sampled_from([1, 2, 3, 5, 7])] * 2))
    before = [draw(st.integers(0, dilation * (k - 1))) for k in kernel]
    after = [dilation * (k - 1) - b for k, b in zip(kernel, before, strict=True)]
    groups = draw(st.sampled_from([g for g in (1, 2, 3, 4, 6) if inputs % g + outputs % g == 0]))
    return conv_term(
        rng,
        channels,
        kernel,
        groups=groups,
        stride=stride,
        dilation=dilation,
        pads=(*before, *after),
    )


@st.composite
def sums(draw):
    """Two to five terms that all give the same shape, added in any order."""
    rng = np.random.default_rng(draw(seeds))
    stride = draw(st.integers(1, 2))
    channels = draw(st.sampled_from([(6, 6), (4, 4), (4, 6), (6, 2)]))
    terms = [draw(conv_terms(rng, channels, stride))]
    kinds = ["conv", "norm", "same"] if stride == 1 and channels[0] == channels[1] else ["conv"]
    for kind in draw(st.lists(st.sampled_from(kinds), min_size=1, max_size=4)):
        new = {"norm": lambda: norm_term(rng, channels[0]), "same": SameTerm}
        terms.append(draw(conv_terms(rng, channels, stride)) if kind == "conv" else new[kind]())
    order = draw(st.one_of(st.integers(0, 99), st.just("Sum")))
    return Sum((channels[0], draw(st.integers(3, 9)), draw(st.integers(3, 9))), terms, order)


@settings(max_examples=150, deadline=None)
@given(whole=sums(), seed=seeds)
def test_a_merged_sum_is_what_the_runtime_and_the_definition_say_it_is(whole, seed):
    graph = whole.graph()
    x = np.random.default_rng(seed).normal(size=(1, *whole.shape)).astype(np.float32)

    merged = merge_branches(graph)

    assert sum(macs_per_node(merged.graph).values()) <= sum(
        macs_per_node(graph).values()
    ) + whole.shape[0] * x[0, 0].size * sum(not hasattr(t, "weight") for t in whole.terms)
    found = run(merged.graph, x)
    np.testing.assert_allclose(found, whole.of(x), atol=2e-4)
    np.testing.assert_allclose(found, run(graph, x), atol=2e-4)


@settings(max_examples=100, deadline=None)
@given(whole=sums())
def test_a_second_merge_finds_nothing(whole):
    once = merge_branches(whole.graph())
    again = merge_branches(once.graph)

    assert again.merged == ()
    assert again.graph.sha256 == once.graph.sha256


@settings(max_examples=60, deadline=None)
@given(
    seed=seeds,
    groups=st.sampled_from([1, 2, 4]),
    kernels=st.lists(st.sampled_from([1, 3, 5, 7]), min_size=1, max_size=3),
    stride=st.integers(1, 2),
    order=st.one_of(st.integers(0, 99), st.just("Sum")),
)
def test_centred_kernels_an_identity_and_a_normalization_are_one_conv(
    *, seed, groups, kernels, stride, order
):
    rng = np.random.default_rng(seed)
    terms = [centred_term(rng, (4, 4), k, groups=groups, stride=stride) for k in kernels]
    terms += [norm_term(rng, 4), SameTerm()] if stride == 1 else [terms[0]]
    whole = Sum((4, 9, 8), terms, order)

    result = merge_branches(whole.graph())
    (conv,) = result.graph.model.graph
    (merged,) = result.merged

    assert attributes(conv) == {
        "group": groups,
        "kernel_shape": (max(kernels),) * 2,
        "dilations": (1, 1),
        "pads": (max(kernels) // 2,) * 4,
        "strides": (stride, stride),
    }
    assert (conv.outputs[0].name, merged.value, merged.source) == ("y", "y", "x")
    assert len(merged.branches) + merged.identities == len(terms)
    assert sorted(v.name for v in conv.inputs) == sorted(
        ["x", f"{conv.name}.bias.merged", f"{conv.name}.weight.merged"]
    )
    assert len(result.graph.model.graph.initializers) == 2
    x = rng.normal(size=(1, 4, 9, 8)).astype(np.float32)
    np.testing.assert_allclose(run(result.graph, x), whole.of(x), atol=2e-4)


RNG = np.random.default_rng(0)
DENSE = {k: centred_term(RNG, (4, 4), k) for k in (1, 3, 5)}
DEPTHWISE = {k: centred_term(RNG, (4, 4), k, groups=4) for k in (3, 7)}


def test_the_conv_is_called_after_the_largest_branch():
    result = merge_branches(Sum((4, 8, 8), [DENSE[1], DENSE[5], DENSE[3]]).graph())

    assert [m.node for m in result.merged] == ["Conv_1"]
    assert [node.name for node in result.graph.model.graph] == ["Conv_1"]


def test_a_depthwise_branch_goes_into_a_dense_one_that_covers_it():
    whole = Sum((4, 8, 8), [DEPTHWISE[3], DENSE[3]])
    result = merge_branches(whole.graph())
    (conv,) = result.graph.model.graph

    assert conv.attributes.get_int("group") == 1
    x = RNG.normal(size=(1, 4, 8, 8)).astype(np.float32)
    np.testing.assert_allclose(run(result.graph, x), whole.of(x), atol=1e-4)


def test_branches_that_do_not_fit_the_largest_may_fit_each_other():
    whole = Sum((4, 8, 8), [DENSE[1], DEPTHWISE[7], DENSE[1], DEPTHWISE[3]], order=3)
    result = merge_branches(whole.graph())

    assert [set(m.branches) for m in result.merged] == [{"Conv_1", "Conv_3"}, {"Conv", "Conv_2"}]
    assert op_types(result.graph) == ["Conv", "Conv", "Add"]
    assert "would take 784 multiply-accumulates" in result.refused[0].reason


@pytest.mark.parametrize("auto_pad", ["SAME_UPPER", "SAME_LOWER", "VALID"])
@pytest.mark.parametrize("stride", [1, 2])
def test_automatic_padding_is_worked_out(auto_pad, stride):
    rng = np.random.default_rng(0)
    size = 7 if auto_pad == "VALID" else 8
    graph = network(
        f"""g (float[1,2,8,{size}] x) => (y) {{
        a = Conv<auto_pad="{auto_pad}", strides=[{stride},{stride}]>(x, even)
        b = Conv<auto_pad="{auto_pad}", strides=[{stride},{stride}]>(x, even2)
        y = Add(a, b) }}""",
        even=rng.normal(size=(2, 2, 2, 4)).astype(np.float32),
        even2=rng.normal(size=(2, 2, 2, 4)).astype(np.float32),
    )
    x = rng.normal(size=(1, 2, 8, size)).astype(np.float32)

    result = merge_branches(graph)

    assert op_types(result.graph) == ["Conv"]
    np.testing.assert_allclose(run(result.graph, x), run(graph, x), atol=1e-5)


def test_padding_on_one_side_lines_up_where_the_size_allows_it():
    whole = Sum(
        (2, 8, 8),
        [
            conv_term(RNG, (2, 2), (3, 3), stride=2, pads=(0, 0, 1, 1)),
            conv_term(RNG, (2, 2), (1, 1), stride=2),
        ],
    )
    result = merge_branches(whole.graph())
    (conv,) = result.graph.model.graph

    assert conv.attributes.get_ints("pads") == (0, 0, 1, 1)
    x = RNG.normal(size=(1, 2, 8, 8)).astype(np.float32)
    np.testing.assert_allclose(run(result.graph, x), whole.of(x), atol=1e-5)


def test_a_dilated_branch_keeps_its_dilation_beside_a_pixel():
    whole = Sum((2, 8, 8), [centred_term(RNG, (2, 2), 3, dilation=2), SameTerm()])
    (conv,) = merge_branches(whole.graph()).graph.model.graph

    assert (conv.attributes.get_ints("kernel_shape"), conv.attributes.get_ints("dilations")) == (
        (3, 3),
        (2, 2),
    )


INPUT = "g (float[1,2,4,4] x) =>"
CONVS = "a = Conv<pads=[1,1,1,1]>(x, w3) b = Conv(x, w1)"
WEIGHTS = {
    "w1": RNG.normal(size=(2, 2, 1, 1)).astype(np.float32),
    "w3": RNG.normal(size=(2, 2, 3, 3)).astype(np.float32),
    "w5": RNG.normal(size=(2, 1, 5, 5)).astype(np.float32),
    "one": RNG.normal(size=(1, 2, 1, 1)).astype(np.float32),
    "wide": RNG.normal(size=(2, 2, 4, 4)).astype(np.float32),
    "rows": RNG.normal(size=(2, 2, 3)).astype(np.float32),
    "stat": np.ones(2, np.float32),
    "minus": np.float32([1, -1]),
}
REFUSALS = {
    "also an output of the network": ("Conv_1", f"{INPUT} (y, b) {{ {CONVS} y = Add(a, b) }}"),
    "also used by 'Relu'": ("Conv", f"{INPUT} (y, z) {{ {CONVS} y = Add(a, b) z = Relu(a) }}"),
    "added twice": ("Conv", f"{INPUT} (y) {{ {CONVS} c = Add(a, b) y = Add(c, a) }}"),
    "'Conv_1' has no constant weight": (
        "Conv_1",
        """g (float[1,2,4,4] x, float[2,2,1,1] v) => (y) {
        k = Relu(v) a = Conv<pads=[1,1,1,1]>(x, w3) b = Conv(x, k) y = Add(a, b) }""",
    ),
    "mean or variance is computed": (
        "BatchNormalization",
        """g (float[1,2,4,4] x, float[2] v) => (y) {
        m = Relu(v) a = Conv(x, w1) b = BatchNormalization(x, stat, stat, m, stat)
        y = Add(a, b) }""",
    ),
    "not positive": (
        "BatchNormalization",
        f"""{INPUT} (y) {{
        a = Conv(x, w1) b = BatchNormalization(x, stat, stat, stat, minus) y = Add(a, b) }}""",
    ),
    "its stride is (4, 4), that of 'Conv' (1, 1)": (
        "Conv_1",
        f"{INPUT} (y) {{ a = Conv(x, wide) b = Conv<strides=[4,4]>(x, w1) y = Add(a, b) }}",
    ),
    "it gives 1x4x4 values where 'Conv' gives 2x4x4": (
        "Conv_1",
        f"{INPUT} (y) {{ a = Conv(x, w1) b = Conv(x, one) y = Add(a, b) }}",
    ),
    "it gives 2x4x4 values where 'Conv' gives 2x1x1": (
        "x",
        f"{INPUT} (y) {{ a = Conv(x, wide) y = Add(a, x) }}",
    ),
    "it would take 100 multiply-accumulates per pixel, apart they take 54": (
        "Conv_1",
        f"{INPUT} (y) {{ a = Conv<group=2, pads=[2,2,2,2]>(x, w5) b = Conv(x, w1) y = Add(a, b) }}",
    ),
    "which would have its bias there": (
        "Conv_2",
        (
            f"{INPUT} (y) {{ a = Conv<pads=[1,1,1,1]>(x, w3) b = Conv(x, w1, stat) "
            "c = Conv<pads=[1,1,1,1]>(b, w3) y = Add(a, c) }"
        ),
    ),
    "neither it nor 'Conv_1' before it is a 1x1 convolution": (
        "Conv_2",
        (
            f"{INPUT} (y) {{ a = Conv(x, w1) b = Conv<pads=[1,1,1,1]>(x, w3) "
            "c = Conv<pads=[1,1,1,1]>(b, w3) y = Add(a, c) }"
        ),
    ),
    "averages over fewer pixels at the border": (
        "AveragePool",
        (
            f"{INPUT} (y) {{ a = Conv<pads=[1,1,1,1]>(x, w3) "
            "b = AveragePool<kernel_shape=[3,3], pads=[1,1,1,1]>(x) y = Add(a, b) }"
        ),
    ),
    "no image of a known size": (
        "Conv",
        "g (float[1,2,4] x) => (y) { a = Conv<pads=[1,1]>(x, rows) y = Add(a, x) }",
    ),
}


@pytest.mark.parametrize("reason", REFUSALS)
def test_what_cannot_be_merged_stays_with_the_reason(reason):
    node, text = REFUSALS[reason]
    graph = network(text, **WEIGHTS)

    result = merge_branches(graph)

    assert result.merged == ()
    assert reason in result.refused[0].reason
    assert result.refused[0].node == node
    assert op_types(result.graph) == op_types(graph)


def test_a_row_and_an_average_merge_although_each_alone_would_be_no_gain():
    graph = network(
        f"""{INPUT} (y) {{ a = Conv<pads=[1,1,1,1]>(x, w3) b = Conv(x, w1)
        c = AveragePool<kernel_shape=[3,3], pads=[1,1,1,1], count_include_pad=1>(b)
        d = Add(a, c) e = AveragePool<kernel_shape=[1,3], pads=[0,1,0,1], count_include_pad=1>(x)
        y = Add(e, d) }}""",
        **WEIGHTS,
    )
    result = merge_branches(graph)

    assert op_types(result.graph) == ["Conv"]
    (merged,) = result.merged
    assert merged.branches == ("AveragePool_1", "Conv", "AveragePool")
    assert set(merged.gone) == {"Conv_1", "AveragePool", "AveragePool_1", "Add", "Add_1"}
    assert prove_parity(graph, result.graph, RUNTIME, probe_inputs(graph)).max_rel < 1e-5


def test_a_row_whose_middle_is_read_elsewhere_stays():
    graph = network(
        f"{INPUT} (y, z) {{ a = Conv(x, w1) b = Conv(x, w1) c = Conv<pads=[1,1,1,1]>(b, w3) "
        "y = Add(a, c) z = Relu(b) }",
        **WEIGHTS,
    )
    assert merge_branches(graph).done == ()


def test_of_branches_with_one_that_is_used_elsewhere_the_others_merge():
    graph = network(
        f"{INPUT} (y, z) {{ {CONVS} c = Conv(x, w1) d = Add(a, b) y = Add(d, c) z = Relu(a) }}",
        **WEIGHTS,
    )
    result = merge_branches(graph)

    (merged,) = result.merged
    assert merged == Merged(
        "parallel branches",
        "Conv_1",
        ("Conv_2",),
        "x",
        "Conv_1.merged",
        ("b", "c"),
        ("Conv_1", "Conv_2"),
    )
    assert [r.node for r in result.refused] == ["Conv"]
    assert prove_parity(graph, result.graph, RUNTIME, probe_inputs(graph)).max_rel < 1e-5


@pytest.mark.parametrize(
    ("additions", "value"),
    [
        ("c = Add(a, b) y = Add(c, r)", "c"),
        ("c = Add(r, a) y = Add(b, c)", "Conv.merged"),
        ("y = Sum(a, r, b)", "Conv.merged"),
    ],
)
def test_what_comes_from_elsewhere_stays_in_the_sum(additions, value):
    graph = network(f"{INPUT} (y) {{ r = Relu(x) {CONVS} {additions} }}", **WEIGHTS)
    result = merge_branches(graph)

    (merged,) = result.merged
    assert (merged.node, set(merged.branches), merged.value) == ("Conv", {"Conv", "Conv_1"}, value)
    assert sorted(op_types(result.graph)) == sorted(["Relu", "Conv", additions.split("= ")[-1][:3]])
    assert result.refused == ()
    assert prove_parity(graph, result.graph, RUNTIME, probe_inputs(graph)).max_rel < 1e-5


def test_a_sum_of_two_values_branches_keeps_one_addition_for_each_beyond_the_first():
    graph = network(
        f"""{INPUT} (y) {{ r = Relu(x) t = Tanh(x) {CONVS} c = Conv(r, w1)
        d = Conv<pads=[1,1,1,1]>(r, w3) e = Add(a, c) f = Add(b, d) g = Add(e, f) y = Add(t, g)
        }}""",
        **WEIGHTS,
    )
    result = merge_branches(graph)

    assert [m.source for m in result.merged] == ["x", "r"]
    assert op_types(result.graph).count("Conv") == op_types(result.graph).count("Add") == 2
    assert len({node.name for node in result.graph.model.graph}) == 6
    assert prove_parity(graph, result.graph, RUNTIME, probe_inputs(graph)).max_rel < 1e-5


def test_a_merge_that_makes_another_possible_in_the_same_sum_is_followed_by_it():
    graph = network(
        f"{INPUT} (y) {{ a = Conv(x, w1) b = Conv<pads=[1,1,1,1]>(a, w3) c = Add(a, b) "
        "y = Add(c, x) }",
        **WEIGHTS,
    )
    result = merge_branches(graph)

    assert op_types(result.graph) == ["Conv"]
    assert prove_parity(graph, result.graph, RUNTIME, probe_inputs(graph)).max_rel < 1e-5


@pytest.mark.parametrize(
    "text",
    [
        "r = Relu(x) a = Conv(r, w1) y = Add(a, x)",
        "a = BatchNormalization(x, stat, stat, stat, stat) y = Add(a, x)",
        "a = Conv(x, w1) r = Relu(a) y = Add(r, x)",
        "y = Add(x, x)",
    ],
)
def test_a_residual_around_more_than_a_branch_is_no_business_of_a_merge(text):
    graph = network(f"{INPUT} (y) {{ {text} }}", **WEIGHTS)
    result = merge_branches(graph)

    assert (result.merged, result.refused) == ((), ())
    assert result.graph.sha256 == graph.sha256


def test_a_value_that_is_itself_a_convolution_is_an_identity_beside_its_reader():
    graph = network(
        f"{INPUT} (y, z) {{ u = Conv(x, w1) a = Conv<pads=[1,1,1,1]>(u, w3) y = Add(a, u) "
        "z = Relu(u) }",
        **WEIGHTS,
    )
    result = merge_branches(graph)

    (merged,) = result.merged
    assert (merged.node, merged.branches, merged.identities) == ("Conv_1", ("Conv_1",), 1)
    assert (merged.source, merged.value, merged.terms) == ("u", "y", ("a", "u"))
    assert prove_parity(graph, result.graph, RUNTIME, probe_inputs(graph)).max_rel < 1e-5


def test_a_sum_inside_the_network_that_is_also_an_output_merges_and_keeps_its_name():
    graph = network(f"{INPUT} (y, c) {{ {CONVS} c = Add(a, b) y = Relu(c) }}", **WEIGHTS)
    result = merge_branches(graph)

    assert op_types(result.graph) == ["Conv", "Relu"]
    assert [value.name for value in result.graph.model.graph.outputs] == ["y", "c"]
    assert prove_parity(graph, result.graph, RUNTIME, probe_inputs(graph)).max_rel < 1e-5


def test_a_weight_shared_with_another_layer_stays_as_it_is_there():
    graph = network(
        f"{INPUT} (y) {{ {CONVS} c = Add(a, b) d = Relu(c) e = Conv(d, w1) y = Relu(e) }}",
        **WEIGHTS,
    )
    result = merge_branches(graph)

    assert len(result.merged) == 1
    assert prove_parity(graph, result.graph, RUNTIME, probe_inputs(graph)).max_rel < 1e-5


def test_blocks_one_after_the_other_each_merge():
    graph = network(
        f"""{INPUT} (y) {{ {CONVS} c = Add(a, b) d = Conv(c, w1) e = Conv<pads=[1,1,1,1]>(c, w3)
        f = Add(d, e) y = Add(f, c) }}""",
        **WEIGHTS,
    )
    result = merge_branches(graph)

    assert op_types(result.graph) == ["Conv", "Conv"]
    assert [m.value for m in result.merged] == ["c", "y"]
    assert prove_parity(graph, result.graph, RUNTIME, probe_inputs(graph)).max_rel < 1e-5


def test_the_graph_handed_in_is_left_alone():
    graph = network(f"{INPUT} (y) {{ {CONVS} y = Add(a, b) }}", **WEIGHTS)
    result = merge_branches(graph)

    assert graph_from_model(graph.model).sha256 == graph.sha256 == result.graph.parent


def test_the_pass_asks_for_names():
    model = graph_from_proto(
        onnx.parser.parse_model(
            '<ir_version: 8, opset_import: ["" : 17]> g (float[1] x) => (y) { y = Relu(x) }'
        )
    ).model
    with pytest.raises(ir.passes.PreconditionError):
        MergeBranches()(model)
