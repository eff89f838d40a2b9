"""Which module of ours stands for which class a checkpoint names.

Nothing is imported by a name from a file: a name that is not in the table is refused.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from torch import nn

from edgekit.errors import ModelError, UnknownClassError
from edgekit.nets.blocks import (
    ghost,
    mobileone,
    shuffle,
    yolo,
    yolo11,
    yolov7,
    yolov9,
    yolov10,
)
from edgekit.nets.heads.distances import Expectation
from edgekit.nets.stored import torch_layers
from edgekit.nets.stored.module import StoredModule
from edgekit.nets.stored.rule import Rule
from edgekit.nets.stored.yolov6_rules import RULES as YOLOV6

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def _poolings(stored: StoredModule, name: str) -> int:
    """Return how many poolings there are in a row: 3 where a package did not say yet."""
    return stored.whole(name) if stored.attribute(name) is not None else 3


def _added(stored: StoredModule, name: str) -> bool:
    return stored.attribute(name) is not None and stored.flag(name)


def _wholes(stored: StoredModule, name: str) -> tuple[int, ...]:
    numbers = stored.numbers(name)
    if any(number != int(number) for number in numbers):
        raise stored.error(f"whole numbers '{name}'", f"{numbers}")
    return tuple(int(number) for number in numbers)


_ADD = {"add": StoredModule.flag}
_HEADS = dict.fromkeys(("num_heads", "key_dim", "head_dim"), StoredModule.whole)

_CONV = Rule(yolo.ConvBlock, ("conv", "act"), ("bn",))
_C3 = Rule(yolo.C3, ("cv1", "cv2", "cv3", "m"))
_C2F = Rule(yolo.C2f, ("cv1", "cv2", "m"))
_ELAN = Rule(yolov9.Elan4, ("cv1", "cv2", "cv3", "cv4"))
_BOTTLENECK = Rule(yolo.Bottleneck, ("cv1", "cv2"), attributes=_ADD)
_SUM = yolov9.SummedBranches
_MOBILEONE = mobileone.MobileOneBlock
_POOL = Rule(yolov7.Pooled, ("m",))
_CSPC = tuple(f"cv{i}" for i in range(1, 8))

# Classes of one name differ between packages: the first rule whose parts are there is taken.
_BLOCKS: dict[str, tuple[Rule, ...]] = {
    "Conv": (_CONV,),
    "DWConv": (_CONV,),
    "Bottleneck": (_BOTTLENECK,),
    "BottleneckCSP": (Rule(yolo.BottleneckCsp, ("cv1", "cv2", "cv3", "cv4", "bn", "act", "m")),),
    "C3": (_C3,),
    "C3k": (_C3,),
    "C3Ghost": (_C3,),
    "GhostConv": (Rule(ghost.GhostConv, ("cv1", "cv2")),),
    "GhostBottleneck": (Rule(ghost.GhostBottleneck, ("conv", "shortcut")),),
    "C2f": (_C2F,),
    "C3k2": (_C2F,),
    "MobileOneBlock": (
        Rule(_MOBILEONE, ("activation", "se", "rbr_conv"), ("rbr_scale", "rbr_skip")),
        Rule(_MOBILEONE, ("activation", "se", "reparam_conv")),
    ),
    "Shuffle_Block": (Rule(shuffle.ShuffleBlock, ("branch2",), ("branch1",)),),
    "conv_bn_relu_maxpool": (Rule(shuffle.PooledStem, ("conv", "maxpool")),),
    "SPP": (Rule(yolo.Spp, ("cv1", "cv2", "m")),),
    "SPPF": (
        Rule(
            yolo.Sppf,
            ("cv1", "cv2", "m"),
            attributes={"n": _poolings, "add": _added},
        ),
    ),
    "Focus": (Rule(yolo.Focus, ("conv",)),),
    "Concat": (Rule(yolo.Concat, (), attributes={"d": StoredModule.whole}),),
    "DFL": (Rule(Expectation, ("conv",)),),
    "RepVGGDW": (Rule(yolov10.RepVggDw, ("conv", "act"), ("conv1",)),),
    "CIB": (Rule(yolov10.Cib, ("cv1",), attributes=_ADD),),
    "C2fCIB": (_C2F,),
    "SCDown": (Rule(yolov10.ScDown, ("cv1", "cv2")),),
    "Attention": (Rule(yolov10.Attention, ("qkv", "proj", "pe"), attributes=_HEADS),),
    "PSA": (Rule(yolov10.Psa, ("cv1", "cv2", "attn", "ffn")),),
    "PSABlock": (Rule(yolo11.PsaBlock, ("attn", "ffn"), attributes=_ADD),),
    "C2PSA": (Rule(yolo11.C2Psa, ("cv1", "cv2", "m")),),
    "RepConvN": (Rule(_SUM, ("act", "conv1", "conv2"), ("bn",)), _CONV),
    "RepConv": (
        Rule(_SUM, ("act", "conv1", "conv2"), ("bn",)),
        Rule(_SUM, ("act", "rbr_dense", "rbr_1x1"), ("rbr_identity",)),
        Rule(_SUM, ("act", "rbr_reparam")),
        _CONV,
    ),
    "RepNBottleneck": (_BOTTLENECK,),
    "RepBottleneck": (_BOTTLENECK,),
    "RepNCSP": (_C3,),
    "RepCSP": (_C3,),
    "RepNCSPELAN4": (_ELAN,),
    "ELAN1": (_ELAN,),
    "SPPELAN": (Rule(yolov9.SppElan, ("cv1", "cv2", "cv3", "cv4", "cv5")),),
    "AConv": (Rule(yolov9.AverageConv, ("cv1",)),),
    "ADown": (Rule(yolov9.AverageDown, ("cv1", "cv2")),),
    "CBLinear": (Rule(yolov9.Routes, ("conv",), attributes={"c2s": _wholes}),),
    "CBFuse": (Rule(yolov9.Fuse, (), attributes={"idx": _wholes}),),
    "Silence": (Rule(nn.Identity, ()),),
    "MP": (_POOL,),
    "SP": (_POOL,),
    "ReOrg": (Rule(lambda: yolo.Focus(nn.Identity()), ()),),
    "DownC": (Rule(yolov7.DownC, ("cv1", "cv2", "cv3", "mp")),),
    "Shortcut": (Rule(yolov7.Sum, ()),),
    "SPPCSPC": (Rule(yolov7.SppCspc, (*_CSPC, "m")),),
    **YOLOV6,
}
_TORCH: dict[str, Callable[[StoredModule], nn.Module]] = {
    "conv.Conv2d": torch_layers.conv2d,
    "conv.ConvTranspose2d": torch_layers.conv_transpose2d,
    "batchnorm.BatchNorm2d": torch_layers.batch_norm,
    "pooling.MaxPool2d": torch_layers.max_pool,
    "upsampling.Upsample": torch_layers.upsample,
    "activation.SiLU": lambda _: nn.SiLU(),
    "activation.ReLU": lambda _: nn.ReLU(),
    "activation.Hardswish": lambda _: nn.Hardswish(),
    "activation.LeakyReLU": torch_layers.leaky_relu,
    "activation.PReLU": torch_layers.prelu,
    "activation.GELU": torch_layers.gelu,
    "activation.Mish": lambda _: nn.Mish(),
    "activation.ReLU6": lambda _: nn.ReLU6(),
    "linear.Identity": lambda _: nn.Identity(),
}
_LEARNED = {"ImplicitA": False, "ImplicitM": True}  # whether it multiplies
# Where the families' packages kept their classes over the years: the repositories, and what
# others made of them for installation.
_HOMES = (
    *(
        f"{package}models.{module}"
        for package in ("", "yolov5.", "yolov7.", "yolov9.")
        for module in ("common", "yolo")
    ),
    "ultralytics.nn.modules",
    "ultralytics.nn.modules.block",
    "ultralytics.nn.modules.conv",
    "ultralytics.nn.modules.head",
)
_CONTAINERS: dict[str, Callable[[dict[str, nn.Module]], nn.Module]] = {
    "torch.nn.modules.container.Sequential": lambda parts: nn.Sequential(OrderedDict(parts)),
    "torch.nn.modules.container.ModuleList": lambda parts: nn.ModuleList(parts.values()),
}


def kind_of(stored: StoredModule) -> str:
    """Return the class name without the package, for a class of the families; else all of it."""
    home, _, name = stored.class_name.rpartition(".")
    return name if home in _HOMES else stored.class_name


def build_module(stored: StoredModule) -> nn.Module:
    """Return the module of ours that computes what ``stored`` did, weights in it.

    Raises:
        UnknownClassError: Its class, or one inside, is that of a block which is not known.
        ModelError: One is another class that is not known, or does not look as it should.
    """
    if stored.class_name in _CONTAINERS:
        return _CONTAINERS[stored.class_name](_in_order(stored))
    torch_name = stored.class_name.removeprefix("torch.nn.modules.")
    if torch_name in _TORCH and torch_name != stored.class_name:
        return _TORCH[torch_name](stored)
    kind = kind_of(stored)
    if kind in _LEARNED:
        return torch_layers.learned(stored, multiplies=_LEARNED[kind])
    if kind not in _BLOCKS:
        raise _unknown(stored)
    return _assembled(_BLOCKS[kind], stored)


def _assembled(rules: tuple[Rule, ...], stored: StoredModule) -> nn.Module:
    children = stored.children()
    rule = next((rule for rule in rules if set(rule.parts) <= set(children)), rules[0])
    more = [name for name in children if name not in rule.parts + rule.optional]
    if more or stored.arrays():
        raise stored.error(
            f"nothing but {', '.join(rule.parts + rule.optional)} inside",
            ", ".join([*more, *stored.arrays()]),
        )
    wanted = [*rule.parts, *(name for name in rule.optional if name in children)]
    parts = {name: build_module(stored.child(name)) for name in wanted}
    return rule.make(
        **parts, **{name: read(stored, name) for name, read in rule.attributes.items()}
    )


def _in_order(stored: StoredModule) -> dict[str, nn.Module]:
    """Return the modules inside by name: by number, but for a pair that YOLOv6 gives names."""
    children = stored.children()
    if list(children) not in ([str(at) for at in range(len(children))], ["conv", "bn"]):
        raise stored.error("modules numbered from 0", ", ".join(children))
    return {name: build_module(child) for name, child in children.items()}


def _unknown(stored: StoredModule) -> ModelError:
    # What has no weights is told by none: an activation, or how maps are joined.
    weighs = any(part.arrays() for part in stored.walk())
    is_block = weighs and not stored.class_name.startswith("torch.")
    kind = UnknownClassError if is_block else ModelError
    return kind(
        f"Cannot load '{stored.file}': {stored.where} is of a class edgekit has no module for. "
        f"{_known(stored)} Export the model to ONNX with its own package, and give edgekit that "
        "file."
    )


def _known(stored: StoredModule) -> str:
    """Return what is known of the kind that ``stored`` is of."""
    if "activation" in stored.class_name or stored.key.rpartition(".")[2] == "act":
        known = [name for name in _TORCH if name.startswith("activation.")]
        return f"Known activations: {_listed(known)}."
    if stored.class_name.startswith("torch."):
        return f"Known layers of torch: {_listed([*_TORCH, *_CONTAINERS])}."
    return f"Known: {_listed([*_BLOCKS, *_LEARNED])} of YOLOv5 to YOLO11."


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted({name.rpartition(".")[2] for name in names}))
