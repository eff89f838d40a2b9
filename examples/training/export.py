"""A trained detector as ONNX, every branch and batch normalization still in it."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import onnx
import torch

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from edgekit.nets.networks.repvgg_detector import RepVggDetector

OPSET = 17


def load_weights(model: RepVggDetector, path: Path) -> RepVggDetector:
    """Return ``model`` with the weights in ``path``, in evaluation mode."""
    model.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    return model.eval()


def export_onnx(model: RepVggDetector, side: int, names: Iterable[str], path: Path) -> None:
    """Write ``model`` as ONNX with its batch normalizations as they are.

    Args:
        model: In evaluation mode.
        side: Height and width of its input.
        names: Of its classes, in order.
        path: The file to write.
    """
    with warnings.catch_warnings():
        # This exporter is the one that leaves batch normalizations alone when asked to.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model,
            (torch.zeros(1, 3, side, side),),
            str(path),
            dynamo=False,
            # The exporter folds batch normalizations unless it is told that training goes on.
            training=torch.onnx.TrainingMode.PRESERVE,
            opset_version=OPSET,
            input_names=["images"],
            output_names=["predictions"],
        )
    proto = onnx.load(path)
    named = {"names": str(dict(enumerate(names))), "imgsz": str([side, side]), "task": "detect"}
    onnx.helper.set_model_props(proto, named)
    onnx.checker.check_model(proto, full_check=True)
    onnx.save(proto, path)
