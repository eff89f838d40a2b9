import json

import pytest

from edgekit.config.calibration import open_source
from edgekit.pipeline.lock import Lock
from edgekit.pipeline.options import ModelOptions
from edgekit.pipeline.prepare import prepare
from edgekit.pipeline.rewriting import counted, rewrites_of
from edgekit.reparam.blocks import BlockParity
from edgekit.report.json_file import read_report


def test_proofs_are_counted_by_rule_in_the_order_of_the_first():
    proofs = [
        BlockParity("fold", "a", 2, 1e-8, 0.1),
        BlockParity("merge", "b", 5, 2e-7, 0.2),
        BlockParity("fold", "c", 3, 3e-8, 0.3),
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
