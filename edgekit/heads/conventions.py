"""The conventions a head is used with: how images get in and detections come out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from edgekit.heads import families
from edgekit.heads.probing.dataflow import constant
from edgekit.heads.spec import AnchorsHead, DecodedHead, DistancesHead, GridHead, NmsOptions
from edgekit.values import Preprocess

if TYPE_CHECKING:
    import onnx_ir as ir

    from edgekit.heads.families import Family
    from edgekit.heads.find import Head
    from edgekit.values import Graph

_CARRIERS = frozenset({"Cast", "Transpose", "Identity", "Reshape"})
_LARGEST_UNIT_STD = 2.0  # a divisor above it takes pixels, one below it fractions


@dataclass(frozen=True)
class Convention:
    """What one family that has this head agrees on."""

    family: str
    preprocess: Preprocess
    nms: NmsOptions


def conventions(head: Head, graph: Graph, family: str | None = None) -> tuple[Convention, ...]:
    """Return the conventions of the families that have ``head``, most likely first.

    Several mean that the graph does not tell them apart. Where the graph normalises its input
    itself, only the scaling it leaves to do is asked for.

    Args:
        head: Found in ``graph``.
        graph: The whole network.
        family: What the model is known to be, where its file says so. One without conventions of
            its own counts as none, as does one that needs no NMS where the head does.
    """
    scale = _input_scale(graph)
    known = families.FAMILIES.get(family or "")
    if known is None or (known.nms.iou == 1 and not head.nms_free):
        return tuple(_convention(one, head, scale) for one in _families(head))
    return (_convention(known, head, scale),)


def _convention(family: Family, head: Head, std_left: float | None) -> Convention:
    mean, std = family.mean, family.std
    if std_left is not None:
        mean, std = (0.0, 0.0, 0.0), (std_left, std_left, std_left)
    preprocess = Preprocess(
        size_hw=head.spec.input_hw,
        resize=family.resize,
        interpolation=family.interpolation,
        color=family.color,
        mean=mean,
        std=std,
    )
    nms = family.nms.model_copy(update={"iou": 1.0}) if head.nms_free else family.nms
    return Convention(family.name, preprocess, nms)


def _families(head: Head) -> tuple[Family, ...]:
    formula = head.spec if head.cut is None else head.cut.spec
    match formula:
        case DistancesHead():
            return _distance_families(formula, head)
        case AnchorsHead():
            return (families.YOLOV3 if formula.size == "exp" else families.YOLOV5,)
        case GridHead():
            return (families.YOLOX,)
        case DecodedHead(background=int()):
            return (families.SSD_MOBILENET, families.SSD_VGG)
        case DecodedHead(normalised=True):
            return (families.RTDETR,)
    return (families.YOLOV8, families.RTDETR, families.YOLOX)


def _distance_families(formula: DistancesHead, head: Head) -> tuple[Family, ...]:
    if formula.bins == 16:
        return (families.YOLOV10 if head.nms_free else families.YOLOV8,)
    if formula.bins == 17:
        return (families.YOLO_NAS, families.PPYOLOE)
    if formula.bins == 1:
        return (families.YOLOV6,)
    if formula.center == 0:
        return (families.NANODET, families.PICODET)
    return (families.PICODET, families.NANODET)


def _input_scale(graph: Graph) -> float | None:
    """Return the divisor left to do when the graph normalises its input itself, else ``None``."""
    value: ir.Value | None = graph.model.graph.inputs[0]
    divisor, normalises = 1.0, False
    while value is not None and len(value.uses()) == 1:
        (use,) = value.uses()
        node = use.node
        factor = _divisor(node, value)
        if factor is None:
            break
        divisor, normalises = divisor * factor, normalises or node.op_type not in _CARRIERS
        value = node.outputs[0]
    if not normalises:
        return None
    return 1.0 if divisor > _LARGEST_UNIT_STD else 255.0


def _divisor(node: ir.Node, value: ir.Value) -> float | None:
    if node.op_type in _CARRIERS | {"Sub", "Add"}:
        return 1.0
    other = next(
        (a for v in node.inputs if v is not value and (a := constant(v)) is not None), None
    )
    if other is None or node.op_type not in {"Mul", "Div"}:
        return None
    mean = float(np.abs(other.astype(np.float64)).mean())
    return mean if node.op_type == "Div" else 1 / mean
