import json

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from edgekit.nets.networks.repvgg_detector import RepVggDetector
from edgekit.scenes.scene import render_scene
from examples.digits.scenes_on_disk import load_scenes
from examples.digits.spread import spread_channels
from examples.digits.train import training_of
from examples.training.export import export_onnx
from examples.training.loop import Settings


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    return load_scenes(tmp_path_factory.mktemp("scenes"), "train", 32, workers=1)


def settings(work, stop_after=None):
    return Settings(work, epochs=2, device="cpu", stop_after=stop_after)


def train(work, scenes):
    training_of(settings(work), scenes).run()
    return torch.load(work / "epoch-02.pt", weights_only=True)


def test_scenes_are_those_of_the_renderer(scenes):
    scene = render_scene("train", 5)

    objects = scenes.objects(np.array([5]))

    assert (scenes.images[5] == scene.image).all()
    assert objects.classes[objects.real].tolist() == list(scene.classes)
    assert objects.xyxy[objects.real].tolist() == [
        [b.left, b.top, b.right, b.bottom] for b in scene.boxes
    ]


def test_a_run_that_was_cut_short_goes_on_to_the_same_weights(tmp_path, scenes):
    straight = train(tmp_path / "straight", scenes)
    training_of(settings(tmp_path / "cut", stop_after=1), scenes).run()
    resumed = train(tmp_path / "cut", scenes)

    for name, weight in straight.items():
        torch.testing.assert_close(resumed[name], weight, rtol=0, atol=0)
    curve = json.loads((tmp_path / "cut" / "curve.json").read_text())
    assert [point["epoch"] for point in curve] == [1, 2]


def test_the_exported_file_keeps_every_branch_and_computes_the_same(tmp_path):
    torch.manual_seed(0)
    model = RepVggDetector().eval()
    path = tmp_path / "model.onnx"

    export_onnx(model, 256, "0123456789", path)

    ops = [node.op_type for node in onnx.load(path).graph.node]
    assert ops.count("BatchNormalization") == sum(
        isinstance(m, torch.nn.BatchNorm2d) for m in model.modules()
    )
    image = torch.rand(1, 3, 256, 256)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"images": image.numpy()})
    np.testing.assert_allclose(found, model(image).detach(), rtol=1e-3, atol=1e-3)


def test_channels_of_other_scales_compute_the_same():
    torch.manual_seed(0)
    model = RepVggDetector().eval()
    image = torch.rand(1, 3, 64, 64)
    before, kernel = model(image), model.stem.dense[0].weight.detach().clone()

    spread_channels(model, octaves=3.0)

    ratio = (model.stem.dense[0].weight / kernel)[:, 0, 0, 0]
    assert ratio.max() / ratio.min() > 8
    torch.testing.assert_close(model(image), before, rtol=1e-3, atol=1e-3)
