"""YOLOv6 from a checkpoint that holds the whole model."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from edgekit.nets.networks.yolov6 import EfficientHead, YoloV6
from edgekit.nets.stored.table import build_module
from edgekit.nets.stored.torch_layers import tensor_of

if TYPE_CHECKING:
    from edgekit.nets.stored.module import StoredModule

_NETWORK = "yolov6.models.yolo.Model"
_STRIDE_MOST = 128
_SHARED = ("stems", "cls_convs", "reg_convs", "proj_conv")
_AUXILIARY = "Predictions that only training makes are kept and not computed."


class _Reads(NamedTuple):
    """What a head is computed from, and what is only beside it in training.

    Distances come directly where the distributions are only ``beside``.
    """

    classes: str
    boxes: str
    beside: tuple[str, ...] = ()


_HEADS = {
    "yolov6.models.effidehead.Detect": _Reads("cls_preds", "reg_preds"),
    "yolov6.models.heads.effidehead_distill_ns.Detect": _Reads(
        "cls_preds", "reg_preds_lrtb", ("reg_preds",)
    ),
    "yolov6.models.heads.effidehead_fuseab.Detect": _Reads(
        "cls_preds_af", "reg_preds_af", ("cls_preds_ab", "reg_preds_ab")
    ),
}


class BuiltYoloV6(NamedTuple):
    """A network and what there is to say of it."""

    module: YoloV6
    strides: tuple[float, ...]
    notes: tuple[str, ...]


def is_yolov6(network: StoredModule) -> bool:
    """Return whether ``network`` is a whole model of YOLOv6."""
    return network.class_name == _NETWORK


def build_yolov6(network: StoredModule) -> BuiltYoloV6:
    """Return the network, weights in it, decode included.

    Raises:
        ModelError: A class inside is not known, or a part does not look as it should.
    """
    stored = network.child("detect")
    if stored.class_name not in _HEADS:
        raise stored.error(f"a head of {', '.join(_HEADS)}", stored.class_name)
    reads = _HEADS[stored.class_name]
    strides = stored.numbers("stride")
    names = (*_SHARED, reads.classes, reads.boxes, *reads.beside)
    layers = {name: build_module(stored.child(name)) for name in names}
    _check(stored, reads, strides)
    proj = stored.arrays().get("proj")
    if proj is None or proj.ndim != 1:
        raise stored.error("distances 'proj' of the bins", "none")
    head = EfficientHead((reads.classes, reads.boxes), strides, tensor_of(proj), **layers)
    backbone, neck = (build_module(network.child(name)) for name in ("backbone", "neck"))
    notes = (_AUXILIARY,) if reads.beside else ()
    return BuiltYoloV6(YoloV6(backbone, neck, head), strides, notes)


def _check(stored: StoredModule, reads: _Reads, strides: tuple[float, ...]) -> None:
    """Hold that there is a branch per stride, and that it gives what the head reads."""
    if not 1 <= min(strides) <= max(strides) <= _STRIDE_MOST:
        raise stored.error(f"strides of 1 to {_STRIDE_MOST}", f"{strides}")
    spread = stored.flag("use_dfl") and "reg_preds" not in reads.beside
    bins = stored.whole("reg_max") + 1 if spread else 1
    for name, outputs in ((reads.classes, stored.whole("nc")), (reads.boxes, 4 * bins)):
        branches = list(stored.child(name).children().values())
        shapes = [branch.arrays().get("weight", np.empty(0)).shape[:1] for branch in branches]
        if shapes != [(outputs,)] * len(strides):
            raise stored.error(f"{len(strides)} times {outputs} outputs of '{name}'", f"{shapes}")
