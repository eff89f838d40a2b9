"""What a user is told where OpenVINO is asked for what it cannot do."""

import json

import onnx
import pytest
from onnx import helper

from edgekit.pipeline import place
from tests.cli.test_convert import nothing_written, refused

NO_NPU = "OpenVINO finds no NPU on this desk"


@pytest.fixture
def convert(edgekit, tiny, tmp_path):
    """Return ``call(target, *more, model=...)``: a conversion into tmp_path/out/run."""
    (tmp_path / "out").mkdir()

    def call(target, *more, model=tiny.model):
        images = ("--calib", tiny.calib, "--eval", tiny.labels)
        out = ("--out", tmp_path / "out/run")
        return edgekit("convert", model, "--target", target, *images, *out, *more)

    return call


@pytest.fixture
def unpooled(tiny, tmp_path):
    """The tiny detector with an operator that ONNX Runtime has, and that changes nothing."""
    model = onnx.load(tiny.model)
    windows = {"kernel_shape": [2, 2], "strides": [2, 2]}
    nodes = [
        helper.make_node("MaxPool", ["image"], ["largest", "places"], "pool", **windows),
        helper.make_node("MaxUnpool", ["largest", "places"], ["back"], "unpool", **windows),
        helper.make_node("Max", ["image", "back"], ["same"], "whole"),
    ]
    for node in model.graph.node:
        node.input[:] = ["same" if name == "image" else name for name in node.input]
    for node in reversed(nodes):
        model.graph.node.insert(0, node)
    onnx.save(model, tmp_path / "unpooled.onnx")
    return tmp_path / "unpooled.onnx"


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_an_operator_that_it_has_not_is_named(convert, unpooled, tmp_path, precision):
    ended = convert(f"openvino-cpu-{precision}", "--force", model=unpooled)

    refused(ended, "OpenVINO cannot read", "MaxUnpool", "Convert for ONNX Runtime", code=4)
    assert "Conv-17" not in ended.stderr  # what only fails after it
    assert nothing_written(tmp_path / "out")


def test_a_device_that_does_not_exist_is_answered_with_the_nearest(convert, tmp_path):
    ended = convert("openvino-cpu-int8", "--device", "intel-n10")

    refused(ended, "Unknown device 'intel-n10'", "Did you mean 'intel-n100'?")
    assert nothing_written(tmp_path / "out")


@pytest.mark.parametrize(
    ("target", "device", "parts"),
    [
        ("openvino-npu-int8", "intel-n100", "cpu and gpu"),
        ("openvino-gpu-fp16", "generic-nvidia-gpu", "gpu"),
    ],
)
def test_a_device_without_the_processor_is_refused(convert, tmp_path, target, device, parts):
    ended = convert(target, "--device", device)

    asked = target.split("-")[1]
    refused(
        ended, f"OpenVINO's {asked} device", f"'{device}', which has {parts}.", "Leave out --device"
    )
    assert nothing_written(tmp_path / "out")


def test_a_recipe_for_a_processor_that_openvino_has_not(convert, tmp_path):
    recipe = tmp_path / "cuda.yaml"
    recipe.write_text("{version: 1, extends: openvino-cpu-int8, provider: cuda}")

    refused(convert(recipe), "cuda.yaml", "'openvino' runs on cpu, gpu, npu, not cuda")


def test_without_the_package_the_message_says_what_to_install(convert, without_package, tmp_path):
    without_package("openvino")

    refused(convert("openvino-cpu-int8"), "needs 'openvino'", "edgekit[openvino]", code=3)
    assert nothing_written(tmp_path / "out")


def test_a_cache_that_cannot_be_written_costs_a_warning_and_no_conversion(
    convert, monkeypatch, caplog, tmp_path
):
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("EDGEKIT_CACHE", str(tmp_path / "file"))

    ended = convert("openvino-cpu-int8")

    assert ended.code == 0
    assert "Traceback" not in ended.stderr
    assert "Set EDGEKIT_CACHE" in caplog.text
    assert (tmp_path / "out/run/artifact/model.xml").is_file()


@pytest.fixture
def run_artifact(convert, edgekit, tiny, tmp_path):
    """Return ``call()``: detections of an artifact on one image."""
    convert("openvino-cpu-fp32")
    return lambda: edgekit("run", tmp_path / "out/run", tiny.calib, "--limit", "1")


def test_what_an_artifact_compiles_to_is_kept_where_that_can_be_written(
    run_artifact, monkeypatch, caplog, tmp_path
):
    kept, file = tmp_path / "kept", tmp_path / "file"
    file.write_text("not a folder")

    for folder in (kept, file):
        monkeypatch.setenv("EDGEKIT_CACHE", str(folder))
        assert run_artifact().code == 0

    assert [path.suffix for path in (kept / "openvino").iterdir()] == [".blob"]
    assert f"Cannot keep compiled networks in {file / 'openvino'}" in caplog.text


def test_an_npu_that_is_not_here_gives_an_artifact_and_no_times(convert, monkeypatch, tmp_path):
    monkeypatch.setattr(place, "absence", lambda name: NO_NPU)

    ended = convert("openvino-npu-int8", "--json")

    rows = json.loads(ended.stdout)["rows"]
    run = [row for row in rows if row["status"] != "estimated"]
    assert {(row["status"], row["reason"]) for row in run} == {("simulated", NO_NPU)}
    assert {row["latency_ms"] for row in rows} == {None}
    assert (tmp_path / "out/run/artifact/model.bin").is_file()
    assert (ended.code, ended.stderr) == (0, "")


def test_who_requires_measured_rows_is_told_where_there_is_no_npu(convert, monkeypatch, tmp_path):
    monkeypatch.setattr(place, "absence", lambda name: NO_NPU)

    ended = convert("openvino-npu-fp16", "--require-measured")

    assert ended.code == 3
    assert "expected every row measured on Intel Core Ultra, Meteor Lake" in ended.stderr
    assert (tmp_path / "out/run/artifact/model.xml").is_file()


def test_an_artifact_whose_weights_are_another_is_refused(convert, edgekit, tiny, tmp_path):
    convert("openvino-cpu-fp32")
    weights = tmp_path / "out/run/artifact/model.bin"
    weights.write_bytes(weights.read_bytes()[::-1])

    for command, *more in (("run", tiny.calib), ("eval", "--eval", tiny.labels)):
        ended = edgekit(command, tmp_path / "out/run", *more)

        refused(ended, "model.bin", "expected the model the manifest names", "Convert the model")
