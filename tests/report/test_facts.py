from __future__ import annotations

from edgekit.report.facts import calibration_facts, model_facts, provenance_facts
from edgekit.report.schema import Calibration


def test_faults_of_the_images_are_counted(report):
    facts = {f.name: f.text for f in calibration_facts(report)}

    assert facts["calibration images"] == "64 of train; faults: none"
    assert facts["evaluation images"] == "112 of val; faults: crowd 7, truncated 1"
    assert facts["ranges"] == "mse, of 183 tensors"
    assert facts["calibration audit"] == "All are grey."
    assert facts["enough images"] == "Add about 24 more."
    curve = "16: 6.1 %, 32: 3.4 %, 48: 2.1 %, 64: 0.0 %"
    assert facts["ranges from fewer images differ by"] == curve


def test_a_calibration_that_was_not_audited_says_nothing_of_it(report):
    bare = Calibration(observer="mse", tensors=183)

    names = [f.name for f in calibration_facts(report.model_copy(update={"calibration": bare}))]

    assert names == ["calibration images", "evaluation images", "ranges"]


def test_the_machine_is_told_with_units_and_without_what_is_not_known(report):
    facts = {f.name: f.text for f in provenance_facts(report)}

    assert "governor before" not in facts
    assert facts["cores"] == "2"
    assert facts["memory"] == "8.0 GiB"
    assert facts["load 1min after"] == "0.1235"
    assert facts["versions"] == "edgekit 0.1.0, onnxruntime 1.2.3"


def test_every_file_of_the_model_is_told_by_its_content(report):
    two = {"model_files": {"net.cfg": "12ab"}}
    changed = report.model_copy(update={"provenance": report.provenance.model_copy(update=two)})

    assert "sha256 of net.cfg" not in {f.name for f in provenance_facts(report)}
    assert {f.name: f.text for f in provenance_facts(changed)}["sha256 of net.cfg"] == "12ab"


def test_the_model_is_sized_in_words(report):
    facts = {f.name: f.text for f in model_facts(report)}

    assert facts["parameters"] == "3.15 million"
    assert facts["multiply-accumulates"] == "4.37 billion per image"
