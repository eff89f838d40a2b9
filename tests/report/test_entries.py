from __future__ import annotations

from edgekit.report.entries import entries_of, facets_of, model_names, row_facets
from edgekit.report.schema import Verdict


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


def test_models_whose_files_share_a_name_are_told_apart(report):
    a = renamed(report, "runs/train/weights/best.pt", "1" * 64)
    b = renamed(report, "runs\\train2\\weights\\best.pt", "2" * 64)
    entries = entries_of([a, b, a])
    facets = {f.key: f.values for f in facets_of(entries)}

    assert facets["model"] == ("train/weights/best", "train2/weights/best")
    assert entries[4].label.startswith("train2/weights/best fp32")


def test_models_of_one_path_are_told_apart_by_what_they_hold(report):
    runs = [renamed(report, "best.onnx", digit * 64) for digit in "12"]

    assert list(model_names(runs).values()) == ["best (11111111)", "best (22222222)"]


def test_a_label_that_looks_numbered_is_not_given_twice(report):
    rows = tuple(
        r.model_copy(update={"name": n})
        for r, n in zip(report.rows[:2], ("a", "a #2"), strict=True)
    )
    known = {"rows": rows, "verdict": Verdict(ship=None, because="Nothing.")}
    labels = [e.label for e in entries_of(2 * [report.model_copy(update=known)])]

    assert len(set(labels)) == len(labels) == 4
