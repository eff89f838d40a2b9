import copy

import pytest
import torch
from torch import nn

from edgekit.errors import ModelError
from edgekit.nets.stored.build import build_detector, holds_network
from tests.upstream import V8_EARLY, checkpoint, conv, saved, yolo, yolo11, yolov7, yolov9

FAMILIES = ("yolov5", "yolov8", "yolov10")


def predictions(detector, side=64):
    torch.manual_seed(3)
    with torch.inference_mode():
        return detector.module(torch.rand(1, 3, side, side))


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(("width", "depth"), [(4, 1), (6, 3)])
def test_any_width_and_depth_of_a_family_loads(family, width, depth):
    model = yolo(family, width, depth)

    detector = build_detector(checkpoint({"model": model}))

    own, stored = detector.module.state_dict(), model.state_dict()
    dropped = {k for k in stored if ".10.cv" in k} if family == "yolov10" else set()
    assert own.keys() == stored.keys() - dropped
    assert all(torch.equal(own[key], stored[key]) for key in own)
    assert (detector.family, detector.end_to_end) == (family, family == "yolov10")
    assert detector.class_names == ("cat", "dog", "owl")
    assert detector.strides == (8, 16)
    shape = {"yolov5": (1, 160, 8), "yolov8": (1, 7, 80), "yolov10": (1, 80, 6)}[family]
    assert predictions(detector).shape == shape


@pytest.mark.parametrize(("make", "shape"), [(yolo11, (1, 7, 80)), (yolov7, (1, 160, 8))])
def test_every_tensor_of_a_later_family_has_its_place(make, shape):
    model = make()

    detector = build_detector(checkpoint({"model": model}))

    own, stored = detector.module.state_dict(), model.state_dict()
    assert own.keys() == stored.keys()
    assert all(torch.equal(own[key], stored[key]) for key in own)
    assert detector.family == make.__name__
    assert predictions(detector).shape == shape


def test_layers_of_an_auxiliary_head_are_left_out_and_told_of():
    model = yolov9()

    detector = build_detector(checkpoint({"model": model}))

    own, stored = set(detector.module.state_dict()), set(model.state_dict())
    spare = ("model.6.", "model.7.", "model.8.", "model.9.cv2", "model.9.cv3", "model.9.dfl.")
    assert own == {key for key in stored if not key.startswith(spare)}
    assert detector.family == "yolov9"
    assert any(note.startswith("3 layers") for note in detector.notes)
    assert predictions(detector).shape == (1, 7, 80)


def test_a_class_only_the_auxiliary_head_needs_may_be_unknown():
    model = yolov9()
    strange = saved("my.net.Block")
    strange.f = 4
    model.model[6] = strange

    assert build_detector(checkpoint({"model": model})).family == "yolov9"


def test_the_main_maps_of_an_auxiliary_anchor_head_come_first():
    both = build_detector(checkpoint({"model": yolov7(auxiliary=True)}))

    assert both.module.sources[-1] == (2, 7)
    assert predictions(both).shape == (1, 160, 8)


def test_old_module_paths_load_to_the_same_network():
    early, late = (yolo("yolov8", home=home) for home in (V8_EARLY, None))

    found = [predictions(build_detector(checkpoint({"model": model}))) for model in (early, late)]

    assert torch.equal(*found)


def test_averaged_weights_are_preferred():
    model, ema = yolo("yolov8"), yolo("yolov8")
    ema.model[0].conv.weight.data *= 2

    detector = build_detector(checkpoint({"model": model, "ema": ema}))

    assert torch.equal(detector.module.model[0].conv.weight, ema.model[0].conv.weight)
    assert any("EMA" in note for note in detector.notes)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda model: model,
        lambda model: {"ema": model, "model": None},
        lambda model: {"model": nn.DataParallel(model)},
    ],
)
def test_a_model_is_found_however_it_is_wrapped(wrap):
    model = yolo("yolov5")
    expected = predictions(build_detector(checkpoint({"model": model})))

    assert torch.equal(predictions(build_detector(checkpoint(wrap(model)))), expected)


def test_half_precision_is_widened_and_told_of():
    model = yolo("yolov8").half()

    detector = build_detector(checkpoint({"model": model}))

    floats = {p.dtype for p in detector.module.state_dict().values()} - {torch.int64}
    assert floats == {torch.float32}
    assert "Half-precision weights are computed in float32." in detector.notes


def test_the_detector_is_in_evaluation_mode_and_does_not_learn():
    module = build_detector(checkpoint({"model": yolo("yolov10")})).module

    assert not module.training
    assert not any(p.requires_grad for p in module.parameters())


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({}, True),
        ({"end2end": True}, True),
        ({"end2end": False}, False),
        ({"yaml": {"end2end": False}}, False),
        ({"end2end": True, "yaml": {"end2end": False}}, True),
    ],
)
def test_the_end_to_end_flag_comes_from_the_file(attributes, expected):
    detector = build_detector(checkpoint({"model": yolo("yolov10", **attributes)}))

    assert detector.end_to_end is expected
    assert predictions(detector).shape == ((1, 80, 6) if expected else (1, 7, 80))
    assert len(detector.warnings) == (not expected)


@pytest.mark.parametrize(("on_model", "on_head"), [(None, False), (True, False), (False, True)])
def test_what_the_head_says_of_its_output_is_what_counts(on_model, on_head):
    whole = yolo("yolov10", **({} if on_model is None else {"end2end": on_model}))
    whole.model[-1].end2end = on_head

    assert build_detector(checkpoint({"model": whole})).end_to_end is on_head


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["a", "b", "c"], ("a", "b", "c")),
        ({0: "a", 1: "b", 2: "c"}, ("a", "b", "c")),
        (["a"], ()),
        (None, ()),
    ],
)
def test_class_names_count_only_when_they_match_the_head(names, expected):
    assert (
        build_detector(checkpoint({"model": yolo("yolov5", names=names)})).class_names == expected
    )


def test_a_fused_model_loads_without_its_norms():
    model = yolo("yolov8")
    for part in model.modules():
        if type(part).__name__ == "Conv":
            part.conv.bias = nn.Parameter(torch.zeros(part.conv.out_channels))
            del part.bn

    module = build_detector(checkpoint({"model": model})).module

    assert not any(isinstance(part, nn.BatchNorm2d) for part in module.modules())


def broken(change):
    model = yolo("yolov8")
    change(model)
    return checkpoint({"model": model})


def replace(index, layer):
    def change(model):
        layer.f = model.model[index].f
        model.model[index] = layer

    return change


def set_source(index, source):
    def change(model):
        model.model[index].f = source

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (replace(2, saved("my.net.Block")), r"'my\.net\.Block' \(layer 2, model\.2\)"),
        (replace(10, conv(16, 16)), "a detection head"),
        (replace(10, saved("ultralytics.nn.modules.head.Segment")), r"head\.Segment"),
        (replace(3, conv(5, 16, 3, 2)), "layers that fit together"),
        (set_source(8, [-1, 12]), "'f' of a layer before 8, found 12"),
        (set_source(8, [-1, "3"]), "'f' of a layer before 8"),
        (set_source(8, None), "'f', the layers it reads"),
    ],
)
def test_a_network_that_does_not_fit_is_refused_with_its_layer(change, message):
    with pytest.raises(ModelError, match=message):
        build_detector(broken(change))


def test_a_tensor_without_a_place_is_refused():
    def change(model):
        model.register_buffer("mask", torch.ones(1))

    with pytest.raises(ModelError, match="'mask' without one"):
        build_detector(broken(change))


@pytest.mark.parametrize("content", [{"state_dict": {"model.0.weight": torch.ones(1)}}, [1], {}])
def test_a_file_without_a_whole_model_is_refused(content):
    with pytest.raises(ModelError, match="expected a whole model"):
        build_detector(checkpoint(content))


def test_modules_shared_without_end_are_refused_quickly():
    shared = checkpoint(nn.ReLU()).content
    for _ in range(15):
        outer = copy.copy(shared)
        outer.class_name = "torch.nn.modules.container.Sequential"
        outer.state = {"_modules": {"0": shared, "1": shared, "2": shared}}
        shared = outer
    read = checkpoint({"model": yolo("yolov8")})
    read.content["model"].state["_modules"]["model"].state["_modules"]["2"] = shared

    with pytest.raises(ModelError, match="at most 20000 modules"):
        build_detector(read)


@pytest.mark.parametrize(
    ("content", "whole"),
    [
        ({"model": nn.ReLU()}, True),
        ({"ema": nn.ReLU(), "model": None}, True),
        (nn.ReLU(), True),
        ({"model": {"a.weight": torch.ones(1)}}, False),
        ({"state_dict": {"a.weight": torch.ones(1)}}, False),
        ([nn.ReLU()], False),
    ],
)
def test_a_whole_model_is_told_from_weights_alone(content, whole):
    assert holds_network(checkpoint(content)) is whole


@pytest.mark.parametrize(
    ("options", "side"),
    [({"imgsz": 320}, 320), ({"imgsz": [320, 640]}, None), ({"imgsz": 10**9}, None), (None, None)],
)
def test_the_image_size_of_the_training_is_kept(options, side):
    content = {"model": yolo("yolov8"), "train_args": options}

    assert build_detector(checkpoint(content)).side == side
