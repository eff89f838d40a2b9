"""Weights as their authors published them, in the network of their name."""

import pytest
import torch

from edgekit.load.checkpoint.read import read_checkpoint
from edgekit.nets.architectures.registry import ARCHITECTURES
from edgekit.nets.stored.build import build_detector


@pytest.mark.data
@pytest.mark.parametrize("name", ["yolov5n", "yolov8n", "yolov10s"])
def test_a_network_by_name_computes_what_the_whole_file_says(name, data_dir):
    whole = build_detector(read_checkpoint(data_dir / "models" / f"{name}.pt")).module
    named = ARCHITECTURES[name].build(80).eval()

    missing, unexpected = named.load_state_dict(whole.state_dict(), strict=False)

    assert unexpected == []
    assert all(key.startswith(ARCHITECTURES[name].training_only) for key in missing)
    torch.manual_seed(0)
    image = torch.rand(1, 3, 96, 128)
    with torch.inference_mode():
        assert torch.equal(named(image), whole(image))
