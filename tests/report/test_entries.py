from __future__ import annotations

from edgekit.report.entries import entries_of, facets_of, row_facets


def renamed(report, path, sha256):
    model = report.model.model_copy(update={"path": path, "sha256": sha256})
    return report.model_copy(update={"model": model})


def test_rows_of_one_run_keep_their_names(report):
    entries = entries_of([report])

    assert [e.label for e in entries] == [r.name for r in report.rows]
    assert [e.key for e in entries] == [0, 1, 2, 3]
    assert [e.shipped for e in entries] == [r.name == report.verdict.ship for r in report.rows]


def test_labels_say_what_there_are_several_of(report):
    a = renamed(report, "C:\\nets\\small.onnx", "1" * 64)
    b = renamed(report, "nets/big.v2.onnx", "2" * 64).model_copy(update={"device": "Pi"})
    labels = [e.label for e in entries_of([a, b])]

    assert labels[0] == "small fp32 on Example CPU, 2 cores"
    assert labels[4] == "big.v2 fp32 on Pi"


def test_runs_of_one_model_on_one_device_are_told_apart_by_target(report):
    other = report.model_copy(update={"target": "openvino-cpu-int8"})
    labels = [e.label for e in entries_of([report, other])]

    assert labels[0] == "fp32 (ort-cpu-int8)"
    assert labels[4] == "fp32 (openvino-cpu-int8)"


def test_the_same_run_twice_has_labels_of_its_own(report):
    labels = [e.label for e in entries_of([report, report])]

    assert len(set(labels)) == len(labels)


def test_only_what_differs_can_be_filtered_by(report):
    entries = entries_of([report])
    facets = {f.key: f.values for f in facets_of(entries)}

    assert set(facets) == {"runtime", "precision", "status"}
    assert facets["precision"] == ("fp32", "int8")
    assert row_facets(entries)[2]["runtime"] == "TensorRT"
