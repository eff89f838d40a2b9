import numpy as np
import onnx
import onnx_ir as ir
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgekit.backends.onnxruntime import OnnxRuntime
from edgekit.graphs import graph_from_model, graph_from_proto
from edgekit.reparam.fold import FOLDED, FoldBatchNorm, fold_batchnorm
from edgekit.reparam.normal_form import normal_form
from edgekit.reparam.parity import prove_parity
from edgekit.reparam.probes import probe_inputs
from edgekit.reparam.rules import Rewrite
from tests.networks import network
from tests.reparam.running import RUNTIME, run
from tests.strategies import seeds


def statistics(rng: np.random.Generator, channels: int) -> dict[str, np.ndarray]:
    arrays = {
        "gamma": rng.normal(size=channels),
        "beta": rng.normal(size=channels),
        "mean": rng.normal(size=channels),
        "var": rng.uniform(0.1, 2, size=channels),
    }
    return {name: array.astype(np.float32) for name, array in arrays.items()}


def normalized(values: np.ndarray, stats: dict[str, np.ndarray], epsilon: float) -> np.ndarray:
    """The definition, in float64, over axis 1."""
    wide = {
        name: array.astype(np.float64).reshape(1, -1, *[1] * (values.ndim - 2))
        for name, array in stats.items()
    }
    centred = (values.astype(np.float64) - wide["mean"]) / np.sqrt(wide["var"] + epsilon)
    return wide["gamma"] * centred + wide["beta"]


@settings(max_examples=60, deadline=None)
@given(
    seed=seeds,
    op=st.sampled_from(["Conv", "ConvTranspose"]),
    groups=st.integers(1, 3),
    per_group=st.tuples(st.integers(1, 2), st.integers(1, 2)),
    kernel=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    stride=st.integers(1, 2),
    dilation=st.integers(1, 2),
    biased=st.booleans(),
)
def test_a_folded_layer_equals_the_layer_then_the_definition_of_batch_norm(
    *, seed, op, groups, per_group, kernel, stride, dilation, biased
):
    rng = np.random.default_rng(seed)
    inputs, outputs = groups * per_group[0], groups * per_group[1]
    shape = (outputs, per_group[0]) if op == "Conv" else (inputs, per_group[1])
    weights = {"w": rng.normal(size=(*shape, *kernel)).astype(np.float32)}
    if biased:
        weights["b"] = rng.normal(size=outputs).astype(np.float32)
    layer = (
        f"{op}<group={groups}, strides=[{stride},{stride}], dilations=[{dilation},{dilation}], "
        f"pads=[1,0,1,1]>({', '.join(['x', *weights])})"
    )
    head = f"g (float[1,{inputs},8,9] x) => (y) "
    stats = statistics(rng, outputs)
    pair = network(
        f"{head} {{ c = {layer} y = BatchNormalization<epsilon=0.01>(c, gamma, beta, mean, var) }}",
        **weights,
        **stats,
    )
    alone = network(f"{head} {{ y = {layer} }}", **weights)
    x = rng.normal(size=(1, inputs, 8, 9)).astype(np.float32)
    result = fold_batchnorm(pair)
    assert [node.op_type for node in result.graph.model.graph] == [op]
    np.testing.assert_allclose(
        run(result.graph, x), normalized(run(alone, x), stats, 0.01), rtol=1e-4, atol=1e-4
    )


@pytest.mark.parametrize("biased", [False, True])
def test_a_batch_norm_behind_a_matrix_product_is_folded(biased):
    rng = np.random.default_rng(0)
    weights = {"w": rng.normal(size=(5, 4)).astype(np.float32)}
    if biased:
        weights["b"] = rng.normal(size=5).astype(np.float32)
    stats = statistics(rng, 5)
    layer = f"Gemm<transB=1, alpha=0.5>({', '.join(['x', *weights])})"
    head = "g (float[2,4] x) => (y) "
    pair = network(
        f"{head} {{ c = {layer} y = BatchNormalization(c, gamma, beta, mean, var) }}",
        **weights,
        **stats,
    )
    x = rng.normal(size=(2, 4)).astype(np.float32)
    result = fold_batchnorm(pair)
    assert [node.op_type for node in result.graph.model.graph] == ["Gemm"]
    wanted = normalized(run(network(f"{head} {{ y = {layer} }}", **weights), x), stats, 1e-5)
    np.testing.assert_allclose(run(result.graph, x), wanted, rtol=1e-5, atol=1e-5)


BN = "BatchNormalization(c, gamma, beta, mean, var)"
CONV = "c = Conv(x, w)"
INPUT = "g (float[1,2,4,4] x) =>"
REFUSALS = {
    "training mode": (
        f"{INPUT} (y, m, v) {{ {CONV} "
        "y, m, v = BatchNormalization<training_mode=1>(c, gamma, beta, mean, var) }"
    ),
    "computed, not constant": (
        "g (float[1,2,4,4] x, float[2] u) => (y) "
        f"{{ {CONV} n = Relu(u) y = BatchNormalization(c, gamma, beta, n, var) }}"
    ),
    "not positive": (
        f"{INPUT} (y) {{ {CONV} y = BatchNormalization(c, gamma, beta, mean, negative) }}"
    ),
    "own input": f"{INPUT} (y) {{ y = BatchNormalization(x, gamma, beta, mean, var) }}",
    "a Concat, not from a linear layer": (
        f"{INPUT} (y) {{ a = Conv(x, half) b = Relu(a) c = Concat<axis=1>(a, b) y = {BN} }}"
    ),
    "also an output of the network": f"{INPUT} (y, c) {{ {CONV} y = {BN} }}",
    "also used by 'Relu'": f"{INPUT} (y, z) {{ {CONV} y = {BN} z = Relu(c) }}",
    "also used by another batch": (
        f"{INPUT} (y, z) {{ {CONV} y = {BN} z = BatchNormalization(c, beta, gamma, mean, var) }}"
    ),
    "'Conv' has no constant weight": (
        f"g (float[1,2,4,4] x, float[2,2,1,1] v) => (y) {{ k = Relu(v) c = Conv(x, k) y = {BN} }}"
    ),
    "not a layer over images": (f"g (float[1,2,4] x) => (y) {{ c = Conv(x, narrow) y = {BN} }}"),
}


@pytest.mark.parametrize("reason", REFUSALS)
def test_what_cannot_be_folded_exactly_is_left_with_the_reason(reason):
    rng = np.random.default_rng(0)
    graph = network(
        REFUSALS[reason],
        **statistics(rng, 2),
        w=rng.normal(size=(2, 2, 1, 1)).astype(np.float32),
        half=rng.normal(size=(1, 2, 1, 1)).astype(np.float32),
        narrow=rng.normal(size=(2, 2, 1)).astype(np.float32),
        negative=np.float32([1, -1]),
    )
    result = fold_batchnorm(graph)
    assert result.done == ()
    assert reason in result.refused[0].reason
    assert result.refused[0].node == "BatchNormalization"
    assert len(result.graph.model.graph) == len(graph.model.graph)


def test_two_layers_that_share_a_weight_both_fold_with_weights_of_their_own():
    rng = np.random.default_rng(0)
    graph = network(
        """g (float[1,2,4,4] x) => (y) {
        a = Conv(x, w) b = BatchNormalization(a, gamma, beta, mean, var)
        c = Conv(b, w) y = BatchNormalization(c, beta, gamma, mean, var) }""",
        **statistics(rng, 2),
        w=rng.normal(size=(2, 2, 1, 1)).astype(np.float32),
    )
    result = fold_batchnorm(graph)
    assert result.done == (
        Rewrite(FOLDED, "Conv", ("BatchNormalization",), "x", "b"),
        Rewrite(FOLDED, "Conv_1", ("BatchNormalization_1",), "b", "y"),
    )
    assert prove_parity(graph, result.graph, RUNTIME, probe_inputs(graph)).max_rel < 1e-5
    assert len(result.graph.model.graph.initializers) == 4


def test_two_batch_norms_in_a_row_both_go_into_the_layer():
    rng = np.random.default_rng(0)
    graph = network(
        f"""{INPUT} (y) {{ {CONV} b = {BN}
        y = BatchNormalization(b, beta, gamma, mean, var) }}""",
        **statistics(rng, 2),
        w=rng.normal(size=(2, 2, 1, 1)).astype(np.float32),
    )
    result = fold_batchnorm(graph)
    gone = ("BatchNormalization", "BatchNormalization_1")
    assert result.done == (Rewrite(FOLDED, "Conv", gone, "x", "y"),)
    assert [node.op_type for node in result.graph.model.graph] == ["Conv"]
    assert prove_parity(graph, result.graph, RUNTIME, probe_inputs(graph)).max_rel < 1e-5


def test_the_graph_handed_in_is_left_alone():
    rng = np.random.default_rng(0)
    graph = network(
        f"{INPUT} (y) {{ {CONV} y = {BN} }}",
        **statistics(rng, 2),
        w=np.ones((2, 2, 1, 1), np.float32),
    )
    result = fold_batchnorm(graph)
    assert graph_from_model(graph.model).sha256 == graph.sha256 == result.graph.parent
    assert result.graph.sha256 != graph.sha256


def test_a_second_fold_finds_nothing():
    rng = np.random.default_rng(0)
    graph = network(
        f"{INPUT} (y) {{ {CONV} y = {BN} }}",
        **statistics(rng, 2),
        w=np.ones((2, 2, 1, 1), np.float32),
    )
    once = fold_batchnorm(graph).graph
    again = fold_batchnorm(once)
    assert (again.done, again.refused) == ((), ())
    assert again.graph.sha256 == once.sha256


def test_the_pass_asks_for_names():
    model = graph_from_proto(
        onnx.parser.parse_model(
            '<ir_version: 8, opset_import: ["" : 17]> g (float[1] x) => (y) { y = Relu(x) }'
        )
    ).model
    with pytest.raises(ir.passes.PreconditionError):
        FoldBatchNorm()(model)


@pytest.mark.data
def test_yolov8n_folds_all_57_and_equals_the_file_exported_without_them(data_dir):
    unfused, fused = (
        graph_from_model(normal_form(graph_from_proto(onnx.load(data_dir / "models" / name)).model))
        for name in ("yolov8n_unfused.onnx", "yolov8n.onnx")
    )
    result = fold_batchnorm(unfused)
    assert len(result.done) == 57
    assert result.refused == ()
    inputs = probe_inputs(unfused)
    assert prove_parity(unfused, result.graph, OnnxRuntime(), inputs).max_rel < 1e-3
    assert prove_parity(fused, result.graph, OnnxRuntime(), inputs).max_rel < 1e-3
