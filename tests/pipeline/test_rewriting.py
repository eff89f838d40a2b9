import json

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from edgekit.config.calibration import open_source
from edgekit.pipeline.convert import convert
from edgekit.pipeline.demo import bundled_model
from edgekit.pipeline.lock import Lock
from edgekit.pipeline.options import ModelOptions
from edgekit.pipeline.prepare import prepare
from edgekit.pipeline.rewriting import counted, folds_of, rewrites_of
from edgekit.reparam.blocks import BlockParity
from edgekit.report.json_file import read_report


def test_proofs_are_counted_by_rule_in_the_order_of_the_first():
    proofs = [
        BlockParity("fold", "a", 2, 1e-8, 0.1, 9),
        BlockParity("merge", "b", 5, 2e-7, 0.2, 9),
        BlockParity("fold", "c", 3, 3e-8, 0.3, 9),
    ]

    fold, merge = counted(proofs)

    assert (fold.rule, fold.count, fold.nodes_before, fold.nodes_after) == ("fold", 2, 5, 2)
    assert fold.difference == pytest.approx(3e-8)
    assert (merge.rule, merge.count, merge.nodes_before, merge.nodes_after) == ("merge", 1, 5, 1)


def test_nothing_rewritten_is_nothing_counted():
    assert counted([]) == ()


def test_nodes_are_those_of_the_graphs_before_and_after(tiny):
    detector = prepare(tiny.model, ModelOptions(), open_source(str(tiny.calib)))

    found = rewrites_of(detector)

    assert found.nodes_before == len(list(detector.source.graph.model.graph))
    assert found.nodes_after == len(list(detector.plain.model.graph))
    assert found.images == ("1-00.png", "1-01.png")
    assert found.export_difference is None


def test_report_and_lock_of_a_conversion_tell_the_same(out):
    report = read_report(out / "report.json")
    lock = Lock.model_validate_json((out / "edgekit.lock").read_bytes())

    assert lock.rewrites == report.rewrites
    assert len(report.rewrites.images) == 2
    assert set(report.rewrites.images) <= set(json_names(out))


def json_names(out):
    lock = json.loads((out / "edgekit.lock").read_text())
    return lock["calibration"]["images"]


def between(model, name, *nodes):
    """Put ``nodes``, each a kind and its weights, behind the node called ``name``."""
    place = next(i for i, node in enumerate(model.graph.node) if node.name == name)
    output = model.graph.node[place].output[0]
    current = model.graph.node[place].output[0] = f"{output}/0"
    for number, (kind, *weights) in enumerate(nodes, 1):
        names = [f"{name}/{number}/{i}" for i in range(len(weights))]
        model.graph.initializer.extend(map(numpy_helper.from_array, weights, names))
        result = output if number == len(nodes) else f"{output}/{number}"
        made = helper.make_node(kind, [current, *names], [result], f"{name}/{number}")
        model.graph.node.insert(place + number, made)
        current = result
    return model


@pytest.fixture(scope="module")
def narrowed(tiny, tmp_path_factory):
    """The tiny detector with something to fold, and two layers that are dearer as one."""
    rng = np.random.default_rng(0)
    model = onnx.load(tiny.model)
    convolution, relu = (node.name for node in model.graph.node[:2])
    squeeze, expand = (rng.normal(0, 0.5, s).astype("f") for s in ((2, 8, 1, 1), (8, 2, 1, 1)))
    statistics = [rng.uniform(0.5, 2, 8).astype("f") for _ in range(4)]
    between(model, relu, ("Conv", squeeze), ("Conv", expand))
    between(model, convolution, ("BatchNormalization", *statistics))
    path = tmp_path_factory.mktemp("narrowed") / "narrowed.onnx"
    onnx.save(model, path)
    return path


def locked(model, tiny, folder, **changes):
    convert(model, tiny.options(folder, target="ort-cpu-fp32", calib=None, **changes))
    return Lock.model_validate_json((folder / "edgekit.lock").read_bytes())


def test_every_fold_of_the_bundled_detector_is_in_the_lock_with_its_own_difference(tiny, tmp_path):
    images = str(tiny.labels.parent / "images")
    kinds = [node.op_type for node in onnx.load(bundled_model()).graph.node]

    lock = locked(bundled_model(), tiny, tmp_path / "out", evaluation=images, force=True)

    blocks = lock.folds.blocks
    behind = [b for b in blocks if b.rule == "a batch normalization behind a layer"]
    assert 0 < len(behind) <= kinds.count("BatchNormalization")
    assert len(blocks) == sum(count.count for count in lock.rewrites.done) > len(behind)
    assert sum(b.nodes_before for b in blocks) == sum(c.nodes_before for c in lock.rewrites.done)
    assert all(b.nodes_before > b.nodes_after == 1 for b in blocks)
    assert all(0 < b.difference < 1e-6 and b.crops == 9 for b in blocks)
    assert len({b.difference for b in blocks}) == len(blocks)
    assert lock.folds.image == lock.rewrites.images[-1]
    assert 0 < lock.folds.whole_graph.difference < 1e-3
    assert lock.folds.whole_graph.inputs == len(lock.rewrites.images) + 2


def test_what_was_folded_and_what_was_refused_and_why_are_in_the_lock(narrowed, tiny, tmp_path):
    lock = locked(narrowed, tiny, tmp_path / "out", evaluation=None)

    (fold,), (refused,) = lock.folds.blocks, lock.rewrites.refused
    assert (fold.rule, fold.nodes_before) == ("a batch normalization behind a layer", 2)
    assert "multiply-accumulates" in refused.reason
    assert lock.folds.image is None


def test_nothing_folded_is_no_difference_rather_than_none_found(tiny):
    folds = folds_of(prepare(tiny.model, ModelOptions()))

    assert (folds.blocks, folds.whole_graph) == ((), None)
