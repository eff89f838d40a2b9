"""Which module of ours stands for which class that a checkpoint of YOLOv6 names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgekit.nets.blocks.yolo import ConvBlock, Sppf
from edgekit.nets.blocks.yolov6 import BiFusion, CspSppf, Enlarge, RepBlock
from edgekit.nets.blocks.yolov9 import SummedBranches
from edgekit.nets.networks.pyramid import Pyramid
from edgekit.nets.networks.yolov6 import RepBiFpan, RepPan
from edgekit.nets.stored.rule import Rule

if TYPE_CHECKING:
    from torch import nn

    from edgekit.nets.stored.module import StoredModule

_CONVS = tuple(f"cv{at}" for at in range(1, 8))
_STAGES = tuple(f"ERBlock_{level}" for level in range(2, 6))
_NECK = (
    "reduce_layer0",
    "reduce_layer1",
    "downsample1",
    "downsample2",
    "Rep_p3",
    "Rep_p4",
    "Rep_n3",
    "Rep_n4",
)


def _merged_or_not(
    nonlinearity: nn.Module,
    se: nn.Module | None = None,  # noqa: ARG001  # it does nothing in any published network
    **branches: nn.Module,
) -> nn.Module:
    return SummedBranches(nonlinearity, **branches)


def _backbone(stem: nn.Module, *, fuse_P2: bool, **stages: nn.Module) -> nn.Module:  # noqa: N803
    return Pyramid(stem, stages, maps=4 if fuse_P2 else 3)


def _set(stored: StoredModule, name: str) -> bool:
    """Return whether the flag ``name`` is there and set."""
    return stored.attribute(name) is not None and stored.flag(name)


_CONV = Rule(ConvBlock, ("conv", "act"), ("bn",))
_SPPF = Rule(Sppf, ("cv1", "cv2", "m"))
_CSP_SPPF = Rule(CspSppf, ("m", *_CONVS))
_LAYERS: dict[str, tuple[Rule, ...]] = {
    "BiFusion": (Rule(BiFusion, ("upsample", "downsample", "cv1", "cv2", "cv3")),),
    "CSPSPPF": (_CSP_SPPF,),
    "Conv": (_CONV,),
    "RepBlock": (Rule(RepBlock, ("conv1",), ("block",)),),
    "RepVGGBlock": (
        Rule(
            _merged_or_not,
            ("nonlinearity", "rbr_dense", "rbr_1x1"),
            ("rbr_identity", "se"),
        ),
        Rule(_merged_or_not, ("nonlinearity", "rbr_reparam"), ("se",)),
    ),
    "SPPF": (_SPPF,),
    "SimCSPSPPF": (_CSP_SPPF,),
    "SimConv": (_CONV,),
    "SimSPPF": (_SPPF,),
    "Transpose": (Rule(Enlarge, ("upsample_transpose",)),),
}
RULES: dict[str, tuple[Rule, ...]] = {
    **{f"yolov6.layers.common.{name}": rules for name, rules in _LAYERS.items()},
    "yolov6.models.efficientrep.EfficientRep": (
        Rule(_backbone, ("stem", *_STAGES), attributes={"fuse_P2": _set}),
    ),
    "yolov6.models.reppan.RepBiFPANNeck": (Rule(RepBiFpan, (*_NECK, "Bifusion0", "Bifusion1")),),
    "yolov6.models.reppan.RepPANNeck": (Rule(RepPan, (*_NECK, "upsample0", "upsample1")),),
}
"""Rules by the class's whole name."""
