"""YOLOv6 as its package saves it whole: class names, attributes and keys, no code."""

from __future__ import annotations

import torch
from torch import nn

from edgekit.nets.architectures.yolov6 import build
from edgekit.nets.blocks.yolo import ConvBlock, Sppf
from edgekit.nets.blocks.yolov6 import BiFusion, CspSppf, Enlarge, RepBlock
from edgekit.nets.blocks.yolov9 import SummedBranches
from edgekit.nets.networks.pyramid import Pyramid
from edgekit.nets.networks.yolov6 import EfficientHead, RepBiFpan, RepPan
from tests.published import fill
from tests.upstream import saved

LAYERS = "yolov6.layers.common"
CLASSES = {
    BiFusion: f"{LAYERS}.BiFusion",
    CspSppf: f"{LAYERS}.SimCSPSPPF",
    Enlarge: f"{LAYERS}.Transpose",
    Pyramid: "yolov6.models.efficientrep.EfficientRep",
    RepBiFpan: "yolov6.models.reppan.RepBiFPANNeck",
    RepBlock: f"{LAYERS}.RepBlock",
    RepPan: "yolov6.models.reppan.RepPANNeck",
    Sppf: f"{LAYERS}.SimSPPF",
    SummedBranches: f"{LAYERS}.RepVGGBlock",
}
HEADS = {
    "": "yolov6.models.effidehead.Detect",
    "distill": "yolov6.models.heads.effidehead_distill_ns.Detect",
    "fuse-ab": "yolov6.models.heads.effidehead_fuseab.Detect",
}
NC = 3


def whole(variant: str = "", **attributes) -> tuple[nn.Module, nn.Module]:
    """A network of edgekit's own with weights of chance, and the same as YOLOv6 would save it."""
    own = fill(build(f"n-{variant}" if variant else "n", NC))
    names = {"backbone": own.backbone, "neck": own.neck, "detect": own.detect}
    parts = {name: as_saved(part) for name, part in names.items()}
    head = parts["detect"]
    head.__class__ = type(saved(HEADS.get(variant, HEADS[""])))
    stated = {"nc": NC, "use_dfl": False, "reg_max": 16, "stride": torch.tensor([8, 16, 32])}
    for name, value in {**stated, **attributes}.items():
        setattr(head, name, value)
    return own, saved("yolov6.models.yolo.Model", parts)


def as_saved(module: nn.Module) -> nn.Module:
    """``module`` and all inside under the class names of the package."""
    if isinstance(module, nn.Sequential | nn.ModuleList):
        copy = type(module)()
        for name, part in module.named_children():
            copy.add_module(name, as_saved(part))
        return copy
    if not list(module.children()):
        return module
    parts = {name: as_saved(part) for name, part in module.named_children()}
    if isinstance(module, SummedBranches):
        parts = {"nonlinearity": parts.pop("act"), "se": nn.Identity(), **parts}
    attributes = {"fuse_P2": module.maps == 4} if isinstance(module, Pyramid) else {}
    if isinstance(module, EfficientHead):
        attributes = {"proj": module.proj}
    return saved(_class_of(module), parts, **attributes)


def _class_of(module: nn.Module) -> str:
    if isinstance(module, ConvBlock):
        return f"{LAYERS}.{'Conv' if isinstance(module.act, nn.SiLU) else 'SimConv'}"
    return CLASSES.get(type(module), HEADS[""])
