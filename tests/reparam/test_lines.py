import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgekit.reparam.blocks import prove_blocks
from edgekit.reparam.lines import fold_lines, line_of
from edgekit.reparam.parity import prove_parity
from edgekit.reparam.probes import probe_inputs
from tests.networks import network
from tests.reparam.running import RUNTIME, op_types, run
from tests.strategies import seeds


def by_definition(op: str, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    operations = {"Add": np.add, "Sub": np.subtract, "Mul": np.multiply, "Div": np.divide}
    return operations[op](one, other)


def constant(rng, channels: int, form: str) -> np.ndarray:
    """A constant as exporters write them, away from zero."""
    size = 1 if form in {"scalar", "one"} else channels
    numbers = (rng.uniform(0.5, 2, size) * rng.choice([-1, 1], size)).astype(np.float32)
    shape = {"scalar": (), "one": (1,), "chw": (-1, 1, 1), "nchw": (1, -1, 1, 1)}[form]
    return numbers.reshape(shape)


FORMS = st.sampled_from(["scalar", "one", "chw", "nchw"])
OPS = st.sampled_from(["Add", "Sub", "Mul", "Div"])
KERNELS = st.tuples(st.integers(1, 3), st.integers(1, 3))


@settings(max_examples=80, deadline=None)
@given(
    seed=seeds,
    layer=st.sampled_from(["Conv", "ConvTranspose"]),
    op=OPS,
    form=FORMS,
    groups=st.integers(1, 3),
    per_group=st.tuples(st.integers(1, 2), st.integers(1, 2)),
    kernel=KERNELS,
    stride=st.integers(1, 2),
    biased=st.booleans(),
    swapped=st.booleans(),
)
def test_a_constant_behind_a_layer_goes_into_it(
    *, seed, layer, op, form, groups, per_group, kernel, stride, biased, swapped
):
    rng = np.random.default_rng(seed)
    inputs, outputs = groups * per_group[0], groups * per_group[1]
    shape = (outputs, per_group[0]) if layer == "Conv" else (inputs, per_group[1])
    weights = {"w": rng.normal(size=(*shape, *kernel)).astype(np.float32)}
    weights |= {"b": rng.normal(size=outputs).astype(np.float32)} if biased else {}
    line = constant(rng, outputs, form)
    operands = "k, c" if swapped and op != "Div" else "c, k"
    head = f"""g (float[1,{inputs},8,9] x) => (y) {{ c = {layer}<group={groups},
        strides=[{stride},{stride}], pads=[1,0,1,1]>({", ".join(["x", *weights])}) """
    tail = "z = Conv(c, unit) y = Relu(z)"
    unit = np.eye(outputs, dtype=np.float32)[..., None, None]
    whole = f"{head} d = {op}({operands}) {tail.replace('(c', '(d')} }}"
    graph = network(whole, **weights, k=line, unit=unit)
    alone = network(f"{head.replace('c =', 'y =')} }}", **weights)
    x = rng.normal(size=(1, inputs, 8, 9)).astype(np.float32)

    result = fold_lines(graph)

    assert op_types(result.graph) == [layer, "Conv", "Relu"]
    one, other = run(alone, x).astype(float), line.astype(float).reshape(1, -1, 1, 1)
    pair = (other, one) if operands == "k, c" else (one, other)
    wanted = np.maximum(by_definition(op, *pair), 0)
    np.testing.assert_allclose(run(result.graph, x), wanted, rtol=1e-4, atol=1e-4)
    (proof,) = prove_blocks(graph, result, RUNTIME, {"x": x})
    assert proof.error <= 1


@settings(max_examples=80, deadline=None)
@given(
    seed=seeds,
    op=st.sampled_from(["Add", "Sub", "Mul", "Div", "BatchNormalization"]),
    form=FORMS,
    groups=st.integers(1, 3),
    per_group=st.tuples(st.integers(1, 2), st.integers(1, 2)),
    kernel=KERNELS,
    stride=st.integers(1, 2),
    dilation=st.integers(1, 2),
    padded=st.booleans(),
    epsilon=st.sampled_from([1e-5, 1e-3]),
)
def test_a_line_before_a_conv_goes_into_it_unless_padding_tells_them_apart(
    *, seed, op, form, groups, per_group, kernel, stride, dilation, padded, epsilon
):
    rng = np.random.default_rng(seed)
    inputs, outputs = groups * per_group[0], groups * per_group[1]
    arrays = {n: rng.normal(size=inputs).astype(np.float32) for n in ("gamma", "beta", "mean")}
    arrays["var"] = (rng.uniform(size=inputs) ** 8).astype(np.float32)
    arrays |= {"k": constant(rng, inputs, form)}
    normalized = f"BatchNormalization<epsilon={epsilon:.8f}>(r, gamma, beta, mean, var)"
    line = normalized if op == "BatchNormalization" else f"{op}(r, k)"
    pads = [1, 0, 0, 1] if padded else [0] * 4
    text = f"""g (float[1,{inputs},8,9] x) => (y) {{ r = Relu(x) l = {line}
        y = Conv<group={groups}, strides=[{stride},{stride}],
                 dilations=[{dilation},{dilation}], pads={pads}>(l, w) }}"""
    graph = network(
        text, w=rng.normal(size=(outputs, per_group[0], *kernel)).astype(np.float32), **arrays
    )
    x = rng.normal(size=(1, inputs, 8, 9)).astype(np.float32)

    result = fold_lines(graph)

    if padded and op not in {"Mul", "Div"}:
        assert "pads with zeros" in result.refused[0].reason
        assert result.graph.sha256 == graph.sha256
    else:
        assert op_types(result.graph) == ["Relu", "Conv"]
        (proof,) = prove_blocks(graph, result, RUNTIME, {"x": x})
        assert proof.error <= 1
        kind = "batch normalization" if op == "BatchNormalization" else "constant"
        assert proof.rule == f"a {kind} before a layer"
    wanted = run(graph, x)
    scale = max(1.0, float(np.abs(wanted).max()))
    np.testing.assert_allclose(run(result.graph, x), wanted, atol=1e-4 * scale)


ONES = np.ones(2, np.float32)
WEIGHTS = {
    "w1": np.random.default_rng(0).normal(size=(2, 2, 1, 1)).astype(np.float32),
    "w3": np.random.default_rng(1).normal(size=(2, 2, 3, 3)).astype(np.float32),
    "even": np.random.default_rng(1).normal(size=(2, 2, 2, 2)).astype(np.float32),
    "v": np.random.default_rng(2).normal(size=(2, 3)).astype(np.float32),
    "k": np.float32([2, 3]).reshape(1, 2, 1, 1),
    "row": np.float32([2, 3]),
    "image": np.ones((1, 2, 4, 4), np.float32),
    "six": np.float32(6),
    "zero": np.float32(0),
    "stat": ONES,
}
INPUT = "g (float[1,2,4,4] x) =>"
LINES = {
    "before a matrix product": (
        "g (float[1,2] x) => (y) { r = Relu(x) a = Add(r, row) y = Gemm(a, v) }",
        ["Relu", "Gemm"],
    ),
    "behind a matrix product": (
        "g (float[1,2] x) => (y) { a = Gemm(x, v) b = Mul(a, three) r = Relu(b) y = Gemm(r, v2) }",
        ["Gemm", "Relu", "Gemm"],
    ),
    "several before and behind one conv": (
        f"""{INPUT} (y) {{ r = Relu(x) a = Mul(r, k) b = Mul(a, six)
        c = Conv<pads=[1,1,1,1]>(b, w3) d = Add(c, k) e = Mul(d, k) y = Relu(e) }}""",
        ["Relu", "Conv", "Relu"],
    ),
    "implicit knowledge at the end of the network": (
        f"{INPUT} (y) {{ r = Relu(x) a = Add(r, k) b = Conv(a, w1) y = Mul(b, k) }}",
        ["Relu", "Conv"],
    ),
    "same padding that pads nothing": (
        f"""{INPUT} (y) {{ r = Relu(x) a = Add(r, k)
        y = Conv<auto_pad="SAME_UPPER", strides=[2,2]>(a, even) }}""",
        ["Relu", "Conv"],
    ),
    "a normalization of the image": (
        f"{INPUT} (y) {{ a = BatchNormalization(x, row, row, row, row) y = Conv(a, w3) }}",
        ["Conv"],
    ),
}


@pytest.mark.parametrize("name", LINES)
def test_what_stands_around_a_layer_goes_into_it(name):
    text, left = LINES[name]
    arrays = {"three": np.float32([1, 2, 3]), "v2": np.ones((3, 2), np.float32)}
    graph = current = network(text, **WEIGHTS, **arrays)
    while (result := fold_lines(current)).done:
        prove_blocks(current, result, RUNTIME, probe_inputs(graph)[1])
        current = result.graph

    assert op_types(current) == left
    assert result.refused == ()
    assert prove_parity(graph, current, RUNTIME, probe_inputs(graph)).max_rel < 1e-5


REFUSALS = {
    "'Conv' behind it pads with zeros": f"{INPUT} (y) {{ r = Relu(x) a = Add(r, k) "
    "y = Conv<pads=[1,1,1,1]>(a, w3) }",
    "pads with zeros, which": f"{INPUT} (y) {{ r = Relu(x) a = Add(r, k) "
    'y = Conv<auto_pad="SAME_UPPER">(a, w3) }',
    "it prepares the images": f"{INPUT} (y) {{ a = Sub(x, k) b = Div(a, six) y = Conv(b, w1) }}",
    "belongs to the decode": f"{INPUT} (y) {{ a = Conv(x, w1) b = Mul(a, six) y = Relu(b) }}",
    "would leave the range of float": f"{INPUT} (y) {{ a = Conv(x, w1) b = Div(a, tiny) "
    "c = Relu(b) y = Conv(c, w1) }",
    "'Conv' would leave the range": f"{INPUT} (y) {{ r = Relu(x) a = Div(r, tiny) "
    "y = Conv(a, w1) }",
    "'Conv' has no constant weight": "g (float[1,2,4,4] x, float[2,2,1,1] u) => (y) "
    "{ m = Relu(u) a = Conv(x, m) b = Mul(a, k) y = Conv(b, w1) }",
    "'Conv' has no constant": "g (float[1,2,4,4] x, float[2,2,1,1] u) => (y) "
    "{ r = Relu(x) m = Relu(u) a = Mul(r, k) y = Conv(a, m) }",
}


@pytest.mark.parametrize("reason", REFUSALS)
def test_what_cannot_go_into_a_layer_stays_with_the_reason(reason):
    graph = network(REFUSALS[reason], **WEIGHTS, tiny=np.float32(1e-44))

    result = fold_lines(graph)

    assert result.done == ()
    assert reason in result.refused[0].reason
    assert result.graph.sha256 == graph.sha256


@pytest.mark.parametrize(
    "text",
    [
        "a = Conv(x, w1) b = Add(a, six) c = Clip(b, zero, six) d = Mul(a, c) y = Relu(d)",
        "a = Relu(x) b = Tanh(x) c = Mul(a, b) d = Div(c, six) y = Conv(d, w1)",
        "a = Conv(x, w1) b = Mul(a, image) y = Conv(b, w1)",
        "a = Conv(x, w1) b = Mul(a, row4) y = Conv(b, w1)",
        "a = Conv(x, w1) b = Div(six, a) y = Conv(b, w1)",
        "a = Relu(x) b = Mul(a, k) c = Conv(b, w1) d = Conv(b, w1) y = Mul(c, d)",
    ],
    ids=["hard-swish", "end of a gate", "an image", "columns", "inverse", "two readers"],
)
def test_arithmetic_that_is_no_line_beside_one_layer_is_no_business_of_a_fold(text):
    graph = network(f"{INPUT} (y) {{ {text} }}", **WEIGHTS, row4=np.ones(4, np.float32))

    result = fold_lines(graph)

    assert (result.done, result.refused) == ((), ())


def test_a_constant_that_makes_an_image_of_more_channels_is_no_line():
    graph = network(
        "g (float[1,1,4,4] x) => (y) { a = Relu(x) b = Mul(a, k) y = Conv(b, w1) }", **WEIGHTS
    )
    assert fold_lines(graph).done == ()


def test_a_value_that_is_an_output_too_stays_as_it_is():
    graph = network(
        f"{INPUT} (y, b) {{ a = Conv(x, w1) b = Mul(a, k) c = Relu(b) y = Conv(c, w1) }}", **WEIGHTS
    )
    result = fold_lines(graph)

    assert op_types(result.graph) == ["Conv", "Relu", "Conv"]
    assert [v.name for v in result.graph.model.graph.outputs] == ["y", "b"]
    assert prove_parity(graph, result.graph, RUNTIME, probe_inputs(graph)).max_rel < 1e-5


@pytest.mark.parametrize("op", ["Add", "Sub", "Mul", "Div"])
def test_a_line_is_read_as_its_operator_means_it(op):
    graph = network(f"{INPUT} (y) {{ y = {op}(x, k) }}", **WEIGHTS)
    line = line_of(graph.model.graph[0], 2, 4)

    wanted = by_definition(op, np.full(2, 5.0), np.array([2.0, 3.0]))
    np.testing.assert_allclose(line.shifted(np.full(2, 5.0)), wanted)


def test_a_division_by_zero_is_no_line():
    graph = network(f"{INPUT} (y) {{ y = Div(x, zero) }}", **WEIGHTS)
    assert line_of(graph.model.graph[0], 2, 4) is None
