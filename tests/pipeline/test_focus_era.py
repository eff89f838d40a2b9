"""A whole YOLOv5 as its early releases (2020) saved it, from the file to the plain network."""

import numpy as np
import pytest
import torch
from torch import nn

from edgekit.pipeline.options import ModelOptions
from edgekit.pipeline.prepare import prepare
from tests.upstream import V5, anchor_head, bottleneck, conv, importable, network, saved

# What torch keeps of a layer now and did not know of in 2020.
LATER = {
    "_non_persistent_buffers_set",
    "_backward_pre_hooks",
    "_forward_hooks_always_called",
    "_forward_hooks_with_kwargs",
    "_forward_pre_hooks_with_kwargs",
    "_is_full_backward_hook",
    "_load_state_dict_post_hooks",
    "_load_state_dict_pre_hooks",
    "_state_dict_pre_hooks",
    "_reversed_padding_repeated_twice",
    "padding_mode",
    "recompute_scale_factor",
}


def focus(width, act):
    return saved(f"{V5.block}.Focus", {"conv": conv(12, width, 3, home=V5, act=act)})


def spp(width, act):
    """Windows of 5, 9 and 13 side by side."""
    half = width // 2
    parts = {
        "cv1": conv(width, half, home=V5, act=act),
        "cv2": conv(4 * half, width, home=V5, act=act),
        "m": nn.ModuleList(nn.MaxPool2d(k, 1, k // 2) for k in (5, 9, 13)),
    }
    return saved(f"{V5.block}.SPP", parts)


def csp(inputs, outputs, act):
    half = outputs // 2
    parts = {
        "cv1": conv(inputs, half, home=V5, act=act),
        "cv2": nn.Conv2d(inputs, half, 1, bias=False),
        "cv3": nn.Conv2d(half, half, 1, bias=False),
        "cv4": conv(2 * half, outputs, home=V5, act=act),
        "bn": nn.BatchNorm2d(2 * half),
        "act": nn.LeakyReLU(0.1),
        "m": nn.Sequential(bottleneck(half, (1, 3), add=True, home=V5)),
    }
    return saved(f"{V5.block}.BottleneckCSP", parts)


def model(act):
    torch.manual_seed(0)
    layers = [
        (-1, focus(4, act)),
        (-1, conv(4, 8, 3, 2, home=V5, act=act)),
        (-1, csp(8, 8, act)),
        (-1, conv(8, 16, 3, 2, home=V5, act=act)),
        (-1, conv(16, 32, 3, 2, home=V5, act=act)),
        (-1, spp(32, act)),
        (-1, csp(32, 32, act)),
        (-1, nn.Upsample(scale_factor=2, mode="nearest")),
        ([-1, 3], saved(f"{V5.block}.Concat", d=1)),
        (-1, csp(48, 16, act)),
        ([-1, 6], anchor_head([16, 32], 3)),
    ]
    head = layers[-1][1]
    del head.anchor_grid
    grid = head.anchors.reshape(2, 1, 2, 1, 1, 2) * head.stride.reshape(2, 1, 1, 1, 1, 1)
    head.register_buffer("anchor_grid", grid)
    return network(layers, V5, names=["cat", "dog", "owl"])


def aged(module):
    """The same without what torch did not know of yet."""
    for part in module.modules():
        for name in LATER & set(vars(part)):
            del vars(part)[name]
    return module


@pytest.fixture(params=[(nn.Hardswish(), True), (nn.LeakyReLU(0.1), False)], ids=["v3", "v2"])
def detector(request, tmp_path):
    """Activations and file format of the third release, and of the second."""
    act, is_zip = request.param
    content = {"epoch": -1, "training_results": None, "optimizer": None, "model": model(act)}
    aged(content["model"]).half()
    with importable(), pytest.MonkeyPatch.context() as patch:
        # The format before torch 1.6 keeps the source of every class.
        source = (["class Old(nn.Module): ..."], 1, "models/common.py")
        patch.setattr("torch.serialization.get_source_lines_and_file", lambda _: source)
        torch.save(content, tmp_path / "old.pt", _use_new_zipfile_serialization=is_zip)
    return prepare(tmp_path / "old.pt", ModelOptions(input_hw=(64, 64), cache=tmp_path / "cache"))


def test_it_loads_and_its_focus_ends_as_one_convolution(detector):
    (image,) = detector.plain.model.graph.inputs
    (first,) = (use.node for use in image.uses())

    assert first.op_type == "Conv"
    assert tuple(first.inputs[1].shape) == (4, 3, 6, 6)
    assert tuple(first.attributes["strides"].as_ints()) == (2, 2)
    assert tuple(first.attributes["pads"].as_ints()) == (2, 2, 2, 2)
    kinds = {node.op_type for node in detector.plain.model.graph}
    assert "BatchNormalization" not in kinds
    assert detector.source.class_names == ("cat", "dog", "owl")
    assert (detector.family, detector.head.spec.classes) == ("yolov5", 3)


def test_the_one_convolution_sees_what_the_focus_saw(detector):
    pixels = np.random.default_rng(1).random((1, 3, 64, 64), np.float32)
    blocks = torch.from_numpy(pixels).reshape(1, 3, 32, 2, 32, 2)
    # Channel by channel within a pixel of the block; the block's columns are the slower index.
    spread = blocks.permute(0, 5, 3, 1, 2, 4).reshape(1, 12, 32, 32)
    (image,) = detector.plain.model.graph.inputs
    (first,) = (use.node for use in image.uses())
    stored = model(nn.Identity()).half().float().eval().model[0].conv

    with torch.inference_mode():
        expected = stored.bn(stored.conv(spread)).numpy()

    weight, bias = (value.const_value.numpy() for value in first.inputs[1:])
    found = torch.nn.functional.conv2d(
        torch.from_numpy(pixels), torch.from_numpy(weight), torch.from_numpy(bias), 2, 2
    )
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-4)
