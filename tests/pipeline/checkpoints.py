"""Small checkpoints as files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from edgekit.backends.onnxruntime import OnnxRuntime
from edgekit.pipeline import exports
from tests.upstream import distance_head, importable, yolo

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn

    from edgekit.pipeline.options import ModelOptions

RUNTIME = OnnxRuntime(threads=1, optimize=False)


def yolov8(bins: int = 16, **attributes) -> nn.Module:
    """A detector of the YOLOv8 kind, of three classes, with strides 8 and 16."""
    model = yolo("yolov8", **attributes)
    head, old = distance_head([16, 32], 3, bins=bins), model.model[-1]
    head.i, head.f, head.type = old.i, old.f, old.type
    model.model[-1] = head
    return model


def write(path: Path, content: object) -> Path:
    """Save ``content`` with torch as another package would."""
    with importable():
        torch.save(content, path)
    return path


def exported(path: Path, options: ModelOptions) -> Path:
    """The ONNX file that is made of what is at ``path``."""
    origin = exports.origin_of(path, options)
    assert origin is not None
    return exports.exported(origin, options, RUNTIME)
