from collections import Counter
from itertools import product

import numpy as np
import pytest

from edgekit.errors import ParityError
from edgekit.export.simplify import simplify
from edgekit.load.onnx_file import load_onnx
from edgekit.macs import macs_per_node
from edgekit.reparam import reparameterize as module
from edgekit.reparam.fold import fold_batchnorm
from edgekit.reparam.merge import merge_branches
from edgekit.reparam.probes import probe_inputs
from edgekit.reparam.reparameterize import reparameterize
from edgekit.reparam.trees import sum_trees
from tests.networks import network
from tests.reparam.running import RUNTIME, op_types

BN = "BatchNormalization"
BLOCK = f"""
c# = Conv<pads=[1,1,1,1]>(in#, v#) p# = {BN}(c#, pgamma#, pbeta#, pmean#, pvar#)
d# = Conv(in#, w#) q# = {BN}(d#, qgamma#, qbeta#, qmean#, qvar#)
r# = {BN}(in#, rgamma#, rbeta#, rmean#, rvar#) s# = Add(p#, q#) sum# = Add(s#, r#)"""


def repvgg(blocks: int, then: str = "y# = Relu(sum#)"):
    """Blocks as RepVGG trains them, each with a normalization behind every branch."""
    rng, lines, arrays, x = np.random.default_rng(0), [], {}, "x"
    for n in map(str, range(blocks)):
        lines.append(f"{BLOCK} {then}".replace("in#", x).replace("#", n))
        x = f"y{n}"
        arrays |= {f"v{n}": rng.normal(size=(4, 4, 3, 3)), f"w{n}": rng.normal(size=(4, 4, 1, 1))}
        for name in product("pqr", ("gamma", "beta", "mean", "var")):
            arrays["".join((*name, n))] = rng.uniform(0.5, 2, 4)
    text = f"g (float[1,4,8,8] x) => (y) {{ {' '.join(lines)} y = Tanh({x}) }}"
    return network(text, **{name: a.astype(np.float32) for name, a in arrays.items()})


def test_a_training_time_repvgg_becomes_a_plain_stack():
    graph = repvgg(3)
    result = reparameterize(graph, RUNTIME, probe_inputs(graph))

    assert op_types(result.graph) == ["Conv", "Relu"] * 3 + ["Tanh"]
    assert (len(result.folded), len(result.merged), result.refused) == (6, 3, ())
    assert {len(m.branches) for m in result.merged} == {3}
    assert result.graph.parent == graph.sha256


def test_a_normalization_behind_the_sum_is_folded_after_the_merge():
    graph = repvgg(2, f"n# = {BN}(sum#, pgamma#, pbeta#, pmean#, pvar#) y# = Relu(n#)")
    result = reparameterize(graph, RUNTIME, probe_inputs(graph))

    assert op_types(result.graph) == ["Conv", "Relu"] * 2 + ["Tanh"]
    assert (len(result.folded), len(result.merged), result.refused) == (6, 2, ())


def test_sums_of_normalized_sums_come_to_rest():
    rng = np.random.default_rng(0)
    arrays = {name: rng.uniform(0.5, 2, 4).astype("f") for name in ("gamma", "beta", "mean", "var")}
    graph = network(
        """g (float[1,4,8,8] x) => (y) { a = Conv(x, w) b = Conv(x, v) c = Add(a, b)
        d = BatchNormalization(c, gamma, beta, mean, var) e = Conv(x, w) f = Add(d, e)
        y = BatchNormalization(f, gamma, beta, mean, var) }""",
        **arrays,
        w=rng.normal(size=(4, 4, 1, 1)).astype("f"),
        v=rng.normal(size=(4, 4, 1, 1)).astype("f"),
    )
    result = reparameterize(graph, RUNTIME, probe_inputs(graph))

    assert op_types(result.graph) == ["Conv"]
    assert (len(result.folded), len(result.merged)) == (1, 1)


def test_what_is_left_is_told_once_and_the_rest_is_not():
    graph = network(
        """g (float[1,2,4,4] x) => (y) { a = Conv(x, w)
        b = BatchNormalization(x, one, one, one, one) c = Add(a, b) d = Flatten(c) e = Relu(d)
        y = BatchNormalization(e, many, many, many, many) }""",
        many=np.ones(32, np.float32),
        w=np.ones((2, 2, 1, 1), np.float32),
        one=np.ones(2, np.float32),
    )
    result = reparameterize(graph, RUNTIME, probe_inputs(graph))

    assert [r.node for r in result.refused] == ["BatchNormalization_1"]


def test_a_normalization_that_stays_alone_is_a_depthwise_pixel_in_the_end():
    graph = network(
        """g (float[1,2,4,4] x) => (y) { a = Relu(x) b = BatchNormalization(a, one, one, one, one)
        c = BatchNormalization(a, one, one, one, one) d = Relu(b) y = Add(d, c) }""",
        one=np.ones(2, np.float32),
    )
    result = reparameterize(graph, RUNTIME, probe_inputs(graph))

    assert op_types(result.graph) == ["Relu", "Conv", "Conv", "Relu", "Add"]
    assert [(p.rule, p.nodes_before) for p in result.proofs] == [
        ("a batch normalization on its own", 1)
    ] * 2
    assert result.refused == ()


def test_each_rewrite_comes_with_its_proof():
    graph = repvgg(2)
    result = reparameterize(graph, RUNTIME, probe_inputs(graph))

    assert [proof.node for proof in result.proofs] == [done.node for done in result.done]
    assert {(p.rule, p.nodes_before) for p in result.proofs} == {
        ("a batch normalization behind a layer", 2),
        ("parallel branches", 5),
    }
    assert 0 < max(proof.difference for proof in result.proofs) < 1e-6


def test_an_output_of_training_goes_before_anything_is_rewritten():
    arrays = {name: np.full((6, 3, 1, 1), 0.1, np.float32) for name in ("w", "v")}
    graph = network(
        """g (float[1,3,8,8] x) => (y, b) { a = Conv(x, w) b = Conv<strides=[2,2]>(x, v)
        c = Conv<strides=[2,2]>(x, w) d = Add(b, c) y = Reshape(d, flat) }""",
        flat=np.int64([1, 6, -1]),
        **arrays,
    )
    result = reparameterize(graph, RUNTIME, probe_inputs(graph))

    assert op_types(result.graph) == ["Conv", "Reshape"]
    assert [dropped.output for dropped in result.dropped] == ["b"]
    assert (result.graph.parent, result.refused) == (graph.sha256, ())


def test_a_network_without_anything_to_rewrite_stays_as_it_is():
    graph = network("g (float[1,2,4,4] x) => (y) { y = Relu(x) }")
    result = reparameterize(graph, RUNTIME, probe_inputs(graph))

    assert result.graph.sha256 == graph.sha256
    assert (result.folded, result.merged, result.refused) == ((), (), ())


def test_a_wrong_merge_does_not_pass(monkeypatch):
    def off_by_one_tap(graph):
        result = merge_branches(graph)
        for node in result.graph.model.graph:
            if node.op_type == "Conv":
                node.attributes.pop("pads")
        return result

    monkeypatch.setattr(module, "_IN_TURN", (fold_batchnorm, off_by_one_tap))
    graph = repvgg(1)

    with pytest.raises(ParityError, match=r"'Conv_1', 'BatchNormalization_2', .*into 'Conv'"):
        reparameterize(graph, RUNTIME, probe_inputs(graph))


def plain(path):
    """The real network of a file, reparameterized, and as it was before."""
    graph = load_onnx(path, RUNTIME).graph
    picture = probe_inputs(graph)[1:]
    graph = simplify(graph, RUNTIME, picture)
    return graph, reparameterize(graph, RUNTIME, picture)


@pytest.mark.data
def test_yolov10s_has_no_normalization_and_no_parallel_convolutions_left(data_dir):
    _, result = plain(data_dir / "models" / "yolov10s_e2e_unfused.onnx")

    graph = result.graph.model.graph
    assert not [node for node in graph if node.op_type == "BatchNormalization"]
    for tree in sum_trees(graph):
        convs = [n for v in tree.leaves if (n := v.producer()) and n.op_type == "Conv"]
        assert len({conv.inputs[0] for conv in convs}) == len(convs)
    assert (len(result.folded), len(result.merged), result.refused) == (81, 2, ())
    assert max(proof.difference for proof in result.proofs) < 1e-6


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "rules"),
    [
        ("picodet_s_320_coco", {}),
        ("yolov5n", {}),
        ("yolov5n_stalegrid", {}),
        ("yolov8n", {}),
        ("yolov8n_unfused", {"a batch normalization behind a layer": 57}),
        ("yolox_nano_kazuhito", {"blocks spread to channels": 1, "a pool of a smaller pool": 2}),
    ],
)
def test_no_real_network_is_harmed(data_dir, name, rules):
    graph, result = plain(data_dir / "models" / f"{name}.onnx")

    assert Counter(done.rule for done in result.done) == rules
    assert (result.dropped, result.refused) == ((), ())
    work = [sum(macs_per_node(g).values()) for g in (graph, result.graph)]
    assert work[1] == work[0]
