"""Whose objects a checkpoint may hold: the one table of names that are not refused.

A class of these becomes an ``Instance``: its name, its arguments and its state, none of its code.
The list therefore decides what is worth reading, not what is safe.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgekit.load.checkpoint.plain import PLAIN

if TYPE_CHECKING:
    from edgekit.load.checkpoint.nodes import Global

PACKAGES = (
    "torch.nn",
    "torch.optim",
    "torch.amp",
    "torch.cuda.amp",
    "torchvision",
    # detectors, by the packages their training code saves under
    "models",  # YOLOv5, v7, v9
    "utils",  # the same
    "damo",
    "gold_yolo",
    "super_gradients",
    "timm",
    "ultralytics",
    "yolov5",
    "yolov6",
    "yolov7",
    "yolov9",
    "yolov10",
    "yolox",
    "nanodet",
    "mobileone",
    "repvgg",
    "edgekit.nets",
    # training frameworks
    "lightning",
    "lightning_fabric",
    "mmcv",
    "mmdet",
    "mmengine",
    "mmyolo",
    "pytorch_lightning",
    # containers of options
    "addict",
    "datetime",
    "easydict",
    "munch",
    "omegaconf",
    "uuid",
    "yacs.config",
)
CLASSES = frozenset(
    {
        "argparse.Namespace",
        "types.SimpleNamespace",
        "builtins.range",
        "builtins.slice",
        "builtins.object",
    }
    | {"decimal.Decimal", "fractions.Fraction", "numpy.dtype"}
    | {"torch.serialization._get_layout"}
)


def is_accepted(name: Global) -> bool:
    """Return whether a call of ``name`` may be written down."""
    full_name = modern_name(name)
    if full_name in PLAIN or full_name in CLASSES:
        return True
    if "." in name.name:  # pickle would follow it as attributes, out of the package
        return False
    return any(name.module == p or name.module.startswith(f"{p}.") for p in PACKAGES)


def modern_name(name: Global) -> str:
    """Return the dotted name as today's Python, NumPy and torch have it."""
    module = _RENAMED.get(name.module, name.module)
    module = module.replace("numpy._core.", "numpy.core.", 1)
    return f"{module}.{name.name}"


_RENAMED = {
    "__builtin__": "builtins",
    "copy_reg": "copyreg",
    "pathlib._local": "pathlib",
    "torch.tensor": "torch._tensor",
}
