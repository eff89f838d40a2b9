import json
from pathlib import Path

import numpy as np
import pytest
import torch

from edgekit.nets.architectures.registry import ARCHITECTURES
from tests.published import layout, on_meta, run_on_meta

UPSTREAM = json.loads(Path(__file__).with_name("yolov5_upstream.json").read_text(encoding="utf-8"))


def weights(name):
    """The same weights wherever they are made, but for what the network knows itself."""
    rng = np.random.default_rng(0)
    state = {}
    for key, shape in layout(name).items():
        if "anchor" in key or not shape:
            continue
        chance = rng.random(shape)
        if len(shape) == 4:
            chance = (chance - 0.5) * (24 / np.prod(shape[1:])) ** 0.5
        elif key.endswith(("running_mean", "bias")):
            chance = (chance - 0.5) * 0.6
        else:
            chance += 0.5
        state[key] = torch.from_numpy(chance)
    return state


@pytest.mark.parametrize("name", ["yolov5n", "yolov5s-5.0"])
@pytest.mark.parametrize("classes", [1, 80, 365])
def test_predictions_are_as_many_as_cells_and_classes_ask_for(name, classes):
    assert run_on_meta(on_meta(name, classes), 64).shape == (1, 252, 5 + classes)


@pytest.mark.parametrize("name", ["yolov5s-5.0"])
def test_it_predicts_what_its_own_package_does_with_the_same_weights(name):
    module = ARCHITECTURES[name].build(80).double().eval()
    module.load_state_dict(weights(name), strict=False)
    image = torch.from_numpy(np.random.default_rng(1).random((1, 3, 64, 96)))

    with torch.inference_mode():
        found = module(image)[0]

    expected = UPSTREAM[name]
    np.testing.assert_allclose(found[:: expected["every"], :8], expected["rows"], rtol=1e-9)
    assert np.std(expected["rows"], axis=0).min() > 1e-3  # else the image would not matter
