"""What a user is told where INT8 is asked for of what cannot give it."""

import shutil

import cv2
import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from edgekit.backends.onnxruntime import OnnxRuntime
from edgekit.config.calibration import open_source
from edgekit.config.recipe import Int8
from edgekit.graphs import graph_to_bytes
from edgekit.pipeline.int8 import Int8Options, quantize_network
from edgekit.pipeline.options import ModelOptions
from edgekit.pipeline.prepare import network_of, prepare
from tests.cli.test_convert import refused

RUNTIME = OnnxRuntime(threads=1, spin=False)


@pytest.fixture
def convert(edgekit, tiny, out, tmp_path):
    """Return ``call(*changes, model=...)``: a conversion over the result of another one."""
    shutil.copytree(out, tmp_path / "out")

    def call(*more, model=tiny.model, calib=tiny.calib):
        images = ("--calib", calib, "--eval", tiny.labels, "--out", tmp_path / "out")
        return edgekit("convert", model, "--target", "ort-cpu-int8", *images, *more)

    yield call
    known, kept = (
        {p.relative_to(d): p.read_bytes() for p in d.rglob("*") if p.is_file()}
        for d in (out, tmp_path / "out")
    )
    assert known == kept, "what the folder held before is gone"


def written(folder, images):
    folder.mkdir()
    for number, image in enumerate(images):
        cv2.imwrite(str(folder / f"{number:02}.png"), image)
    return folder


def blacks(count):
    return [np.zeros((64 + number, 64, 3), np.uint8) for number in range(count)]


@pytest.fixture
def changed(tiny, tmp_path):
    """Return ``save(change)``: the tiny detector after ``change(model)``."""

    def save(change):
        model = onnx.load(tiny.model)
        change(model)
        onnx.save(model, tmp_path / "changed.onnx")
        return tmp_path / "changed.onnx"

    return save


def set_weight(model, layer, change, index=1):
    """Let ``change(array)`` rewrite an input of the convolution of that number."""
    name = [n for n in model.graph.node if n.op_type == "Conv"][layer].input[index]
    tensor = next(t for t in model.graph.initializer if t.name == name)
    array = numpy_helper.to_array(tensor).copy()
    change(array)
    tensor.CopyFrom(numpy_helper.from_array(array, name))


@pytest.mark.parametrize(("number", "what"), [(np.nan, "NaN"), (np.inf, "infinite")])
@pytest.mark.parametrize("target", ["ort-cpu-int8", "ort-cpu-fp32"])
def test_a_model_with_weights_that_are_no_numbers(convert, changed, number, what, target):
    model = changed(lambda m: set_weight(m, 2, lambda a: a.put(0, number)))

    ended = convert("--target", target, model=model)

    refused(ended, "changed.onnx", "1 of 256 in 'weight_2'", "Conv", what, "float32")


@pytest.mark.parametrize("command", ["inspect", "eval"])
def test_every_command_refuses_such_a_model(edgekit, changed, tiny, command):
    model = changed(lambda m: set_weight(m, 2, lambda a: a.put(0, np.nan)))
    images = ("--eval", tiny.labels) if command == "eval" else ()

    refused(edgekit(command, model, *images), "'weight_2'", "NaN")


def test_a_model_without_a_convolution(convert, tmp_path):
    node = helper.make_node("Sigmoid", ["image"], ["y"])
    ends = [
        helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1, 3, 64, 64])
        for name in ("image", "y")
    ]
    graph = helper.make_graph([node], "net", ends[:1], ends[1:])
    opsets = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), tmp_path / "flat.onnx")

    refused(convert(model=tmp_path / "flat.onnx"), "no learned layer", "last convolutions")


def test_one_image_to_calibrate_on(convert, tiny, tmp_path):
    one = written(tmp_path / "one", [cv2.imread(str(next(tiny.calib.iterdir())))])

    refused(convert(calib=one), "Only 1 ", "expected at least 32, found 1", "one", "--force")


def test_images_that_are_all_black(convert, tmp_path):
    black = written(tmp_path / "black", blacks(40))

    refused(convert(calib=black), "Only 0 ", "one colour", "found 40", "black", "--force")


def test_an_image_on_which_an_activation_is_no_number(convert, changed, tiny, tmp_path):
    def divide_by_brightness(model):
        first = model.graph.node[0]
        read, first.output[0] = first.output[0], "plain"
        nodes = [
            helper.make_node("ReduceMax", ["image"], ["brightest"], axes=[1, 2, 3], keepdims=1),
            helper.make_node("Div", ["plain", "brightest"], [read], "Div_bright"),
        ]
        for node in reversed(nodes):
            model.graph.node.insert(1, node)

    calib = tmp_path / "calib"
    shutil.copytree(tiny.calib, calib)
    cv2.imwrite(str(calib / "0-black.png"), np.zeros((64, 64, 3), np.uint8))

    ended = convert("--force", model=changed(divide_by_brightness), calib=calib)

    refused(ended, "NaN or infinite on calibration image 1 ", "Leave that image out", code=4)


@pytest.mark.parametrize("gate", ["map_drop_points_max: -1", "p90_ms_max: 0"])
def test_a_recipe_with_a_budget_that_no_model_meets(convert, tmp_path, gate):
    recipe = tmp_path / "strict.yaml"
    recipe.write_text(f"{{version: 1, extends: ort-cpu-int8, summary: Fast., gates: {{{gate}}}}}")

    refused(convert("--target", recipe), "strict.yaml", gate.split(":")[0], "greater than")


@pytest.mark.parametrize("drop", ["-1", "nan"])
def test_a_budget_that_is_none(convert, drop):
    refused(convert("--max-map-drop", drop), "0 or more", drop)


def constant_features(model):
    """The second features are 0 everywhere, and what is made of them is constant."""
    set_weight(model, 1, lambda a: a.fill(0))


def quiet_channels(model):
    """The first channels of three layers are 0, in all their weights."""
    for layer in range(3):
        set_weight(model, layer, lambda a: a[0].fill(0))


@pytest.mark.parametrize("change", [constant_features, quiet_channels])
@pytest.mark.parametrize("rule", ["full", "paired"])
def test_constants_and_zeros_are_quantized_like_anything_else(changed, tiny, change, rule):
    network = network_of(prepare(changed(change), ModelOptions(family="yolov8")))
    calibration = open_source(str(tiny.calib))

    quantized = quantize_network(network, calibration, Int8Options(Int8(kind="int8"), rule))

    image = cv2.resize(cv2.imread(str(next(tiny.calib.iterdir()))), (64, 64))[None]
    for name, exact in run(network.graph, image).items():
        found = run(quantized.graph, image)[name]
        assert np.isfinite(found).all()
        assert np.abs(found - exact).mean() < 0.05 * np.abs(exact).mean() + 0.02


def run(graph, image):
    with RUNTIME.open(graph_to_bytes(graph)) as session:
        return session.run({session.inputs[0].name: image})
