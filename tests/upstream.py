"""Small detectors as other packages save them: their class names, attributes and keys, no code.

The classes have no ``forward``: what a layer computes is only in edgekit's own modules.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

if TYPE_CHECKING:
    from collections.abc import Iterator

V5 = SimpleNamespace(conv="models.common", block="models.common", head="models.yolo")
V8_EARLY = SimpleNamespace(**dict.fromkeys(("conv", "block", "head"), "ultralytics.nn.modules"))
V8 = SimpleNamespace(
    conv="ultralytics.nn.modules.conv",
    block="ultralytics.nn.modules.block",
    head="ultralytics.nn.modules.head",
)
V7 = V9 = V5  # one name of a class, another class
NAMES = {0: "cat", 1: "dog", 2: "owl"}
_classes: dict[str, type[nn.Module]] = {}


@dataclass
class Record:
    """An object read from a file, as the reader gives it."""

    class_name: str
    state: dict[str, Any]
    args: tuple[Any, ...] = ()


def saved(name: str, parts: dict[str, nn.Module] | None = None, **attributes) -> nn.Module:
    """A module of the class ``name`` with ``parts`` inside."""
    home, _, kind = name.rpartition(".")
    if name not in _classes:
        _classes[name] = type(kind, (nn.Module,), {"__module__": home, "__qualname__": kind})
    module = _classes[name]()
    for key, part in (parts or {}).items():
        module.add_module(key, part)
    for key, value in attributes.items():
        setattr(module, key, value)
    return module


def record(value: Any) -> Any:
    """What the reader makes of ``value``: modules to records, tensors to arrays."""
    if isinstance(value, nn.Module):
        state = {key: record(held) for key, held in vars(value).items()}
        return Record(f"{type(value).__module__}.{type(value).__qualname__}", state)
    if isinstance(value, torch.Tensor):
        return value.detach().numpy()
    if isinstance(value, dict):
        return {key: record(held) for key, held in value.items()}
    return value


def checkpoint(content: Any) -> SimpleNamespace:
    """``content`` as if it had been read from a file."""
    return SimpleNamespace(path=Path("tiny.pt"), sha256="0", content=record(content))


@contextmanager
def importable() -> Iterator[None]:
    """Let pickle find the classes of ``saved``, as on the computer that trained the model."""
    added: dict[str, ModuleType] = {}
    for name, kind in _classes.items():
        home = name.rpartition(".")[0]
        if home.partition(".")[0] in {"torch", *sys.stdlib_module_names}:
            continue  # named in a test, and real
        parts = home.split(".")
        for end in range(1, len(parts) + 1):
            package = ".".join(parts[:end])
            added.setdefault(package, ModuleType(package))
        setattr(added[home], kind.__name__, kind)
    before = {home: sys.modules[home] for home in added if home in sys.modules}
    sys.modules.update(added)
    try:
        yield
    finally:
        for home in added:
            del sys.modules[home]
        sys.modules.update(before)


def conv(inputs: int, outputs: int, k: int = 1, s: int = 1, *, home=V8, **options) -> nn.Module:
    """A convolution with its batch norm, padded to keep the size."""
    act = options.pop("act", nn.SiLU())
    layer = nn.Conv2d(inputs, outputs, k, s, k // 2, bias=False, **options)
    bn = nn.BatchNorm2d(outputs, eps=1e-3)
    nn.init.uniform_(bn.running_mean, -0.5, 0.5)
    nn.init.uniform_(bn.running_var, 0.5, 2.0)
    nn.init.uniform_(bn.weight, 0.5, 1.5)
    return saved(f"{home.conv}.Conv", {"conv": layer, "bn": bn, "act": act})


def bottleneck(width: int, k: tuple[int, int], *, add: bool, home) -> nn.Module:
    parts = {f"cv{i + 1}": conv(width, width, size, home=home) for i, size in enumerate(k)}
    return saved(f"{home.block}.Bottleneck", parts, add=add)


def c3(inputs: int, outputs: int, depth: int = 1, *, home=V5) -> nn.Module:
    half = outputs // 2
    m = nn.Sequential(*(bottleneck(half, (1, 3), add=True, home=home) for _ in range(depth)))
    convs = {f"cv{i}": conv(inputs, half, home=home) for i in (1, 2)}
    parts = {**convs, "cv3": conv(2 * half, outputs, home=home), "m": m}
    return saved(f"{home.block}.C3", parts)


def c2f(inputs: int, outputs: int, depth: int = 1, *, home=V8, kind="C2f", inner=None) -> nn.Module:
    half = outputs // 2
    make = inner or (lambda: bottleneck(half, (3, 3), add=False, home=home))
    parts = {
        "cv1": conv(inputs, 2 * half, home=home),
        "cv2": conv((2 + depth) * half, outputs, home=home),
        "m": nn.ModuleList(make() for _ in range(depth)),
    }
    return saved(f"{home.block}.{kind}", parts, c=half)


def sppf(width: int, *, home) -> nn.Module:
    half = width // 2
    parts = {
        "cv1": conv(width, half, home=home),
        "cv2": conv(4 * half, width, home=home),
        "m": nn.MaxPool2d(5, 1, 2),
    }
    return saved(f"{home.block}.SPPF", parts)


def rep_vgg_dw(width: int) -> nn.Module:
    none = nn.Identity()
    parts = {
        "conv": conv(width, width, 7, groups=width, act=none),
        "conv1": conv(width, width, 3, groups=width, act=none),
        "act": nn.SiLU(),
    }
    return saved(f"{V8.block}.RepVGGDW", parts, dim=width)


def cib(width: int) -> nn.Module:
    layers = [
        conv(width, width, 3, groups=width),
        conv(width, 2 * width),
        rep_vgg_dw(2 * width),
        conv(2 * width, width),
        conv(width, width, 3, groups=width),
    ]
    return saved(f"{V8.block}.CIB", {"cv1": nn.Sequential(*layers)}, add=True)


def sc_down(inputs: int, outputs: int) -> nn.Module:
    down = conv(outputs, outputs, 3, 2, groups=outputs, act=nn.Identity())
    return saved(f"{V8.block}.SCDown", {"cv1": conv(inputs, outputs), "cv2": down})


def attention(width: int, heads: int = 2) -> nn.Module:
    head, key, none = width // heads, width // heads // 2, nn.Identity()
    parts = {
        "qkv": conv(width, width + 2 * key * heads, act=none),
        "proj": conv(width, width, act=none),
        "pe": conv(width, width, 3, groups=width, act=none),
    }
    sizes = {"num_heads": heads, "head_dim": head, "key_dim": key, "scale": key**-0.5}
    return saved(f"{V8.block}.Attention", parts, **sizes)


def psa(width: int) -> nn.Module:
    half = width // 2
    ffn = nn.Sequential(conv(half, width), conv(width, half, act=nn.Identity()))
    parts = {
        "cv1": conv(width, 2 * half),
        "cv2": conv(2 * half, width),
        "attn": attention(half),
        "ffn": ffn,
    }
    return saved(f"{V8.block}.PSA", parts, c=half)


def rep_conv(inputs: int, outputs: int, kind: str = "RepConvN") -> nn.Module:
    """Parallel convolutions as YOLOv9 names them, or as YOLOv7 does."""
    none = nn.Identity()
    dense, small = (conv(inputs, outputs, k, home=V9, act=none) for k in (3, 1))
    parts = {"act": nn.SiLU(), "conv1": dense, "conv2": small}
    if kind == "RepConv":
        dense, small = (nn.Sequential(of.conv, of.bn) for of in (dense, small))
        parts = {"act": nn.SiLU(), "rbr_dense": dense, "rbr_1x1": small}
    return saved(f"{V9.block}.{kind}", parts)


def elan(inputs: int, outputs: int, *, inner=None) -> nn.Module:
    """The block of YOLOv9, or of its first stage where nothing is nested."""
    half = outputs // 2
    make = inner or (lambda: conv(half, half, 3, home=V9))
    parts = {
        "cv1": conv(inputs, outputs, home=V9),
        "cv2": make(),
        "cv3": make(),
        "cv4": conv(2 * outputs, outputs, home=V9),
    }
    return saved(f"{V9.block}.{'RepNCSPELAN4' if inner else 'ELAN1'}", parts, c=half)


def rep_csp(width: int) -> nn.Module:
    """What is nested in the block of YOLOv9."""
    half = width // 2
    parts = {"cv1": rep_conv(half, half), "cv2": conv(half, half, 3, home=V9)}
    bottle = saved(f"{V9.block}.RepNBottleneck", parts, add=True)
    convs = {f"cv{i}": conv(width, half, home=V9) for i in (1, 2)}
    parts = {**convs, "cv3": conv(2 * half, width, home=V9), "m": nn.Sequential(bottle)}
    return nn.Sequential(saved(f"{V9.block}.RepNCSP", parts), conv(width, width, 3, home=V9))


def anchor_head(widths: list[int], classes: int) -> nn.Module:
    anchors = torch.arange(1, len(widths) * 4 + 1).reshape(len(widths), 2, 2) / 2
    m = nn.ModuleList(nn.Conv2d(width, 2 * (5 + classes), 1) for width in widths)
    strides = torch.tensor([8.0, 16.0])
    head = saved(f"{V5.head}.Detect", {"m": m}, nc=classes, nl=len(widths), na=2, stride=strides)
    head.register_buffer("anchors", anchors)
    head.anchor_grid = [torch.zeros(1)] * len(widths)
    return head


def learned_head(widths: list[int], classes: int, *, auxiliary: bool = False) -> nn.Module:
    """The head of YOLOv7 in training, with a second one where ``auxiliary``."""
    plain = anchor_head(widths, classes)

    def numbers(kind: str, size: int) -> nn.Module:
        module = saved(f"{V7.block}.{kind}")
        module.register_parameter("implicit", nn.Parameter(torch.rand(1, size, 1, 1) + 0.5))
        return module

    parts = {
        "m": plain.m,
        "ia": nn.ModuleList(numbers("ImplicitA", width) for width in widths),
        "im": nn.ModuleList(numbers("ImplicitM", 2 * (5 + classes)) for _ in widths),
    }
    if auxiliary:
        parts["m2"] = nn.ModuleList(nn.Conv2d(width, 2 * (5 + classes), 1) for width in widths)
    kind = "IAuxDetect" if auxiliary else "IDetect"
    head = saved(f"{V7.head}.{kind}", parts, nc=classes, stride=plain.stride)
    head.register_buffer("anchors", plain.anchors)
    return head


def twin_head(widths: list[int], classes: int) -> nn.Module:
    """Both heads of YOLOv9, the auxiliary one first."""
    first, second = (distance_head(widths, classes, home=V9) for _ in range(2))
    parts = {"cv2": first.cv2, "cv3": first.cv3, "cv4": second.cv2, "cv5": second.cv3}
    parts |= {"dfl": first.dfl, "dfl2": second.dfl}
    return saved(f"{V9.head}.DualDDetect", parts, nc=classes, reg_max=4, stride=first.stride)


def distance_head(
    widths: list[int], classes: int, *, home=V8, kind="Detect", bins: int = 4
) -> nn.Module:
    def branches(outputs: int) -> nn.ModuleList:
        return nn.ModuleList(
            nn.Sequential(conv(width, 8, 3, home=home), nn.Conv2d(8, outputs, 1))
            for width in widths
        )

    dfl = nn.Conv2d(bins, 1, 1, bias=False)
    dfl.weight.data[:] = torch.arange(bins).reshape(1, bins, 1, 1)
    parts = {
        "cv2": branches(4 * bins),
        "cv3": branches(classes),
        "dfl": saved(f"{home.block}.DFL", {"conv": dfl}, c1=bins),
    }
    if kind == "v10Detect":
        parts |= {"one2one_cv2": branches(4 * bins), "one2one_cv3": branches(classes)}
    sizes = {"nc": classes, "nl": len(widths), "no": 4 * bins + classes, "reg_max": bins}
    return saved(f"{home.head}.{kind}", parts, stride=torch.tensor([8.0, 16.0]), **sizes)


def network(layers: list[tuple[Any, nn.Module]], home, **attributes) -> nn.Module:
    """The whole model of ``layers``, each with what it reads."""
    for index, (source, layer) in enumerate(layers):
        layer.i, layer.f, layer.type = index, source, "a name nobody needs"
    kind = "models.yolo.Model" if home is V5 else "ultralytics.nn.tasks.DetectionModel"
    body = nn.Sequential(*(layer for _, layer in layers))
    return saved(kind, {"model": body}, **{"names": NAMES, "save": [], **attributes})


def yolo(family: str, width: int = 4, depth: int = 1, *, home=None, **attributes) -> nn.Module:
    """A detector of two maps (strides 8 and 16) and three classes."""
    torch.manual_seed(0)
    home = home or (V5 if family == "yolov5" else V8)
    a, b, c, d = width, 2 * width, 4 * width, 8 * width
    block = c3 if family == "yolov5" else c2f
    last = sc_down(c, d) if family == "yolov10" else conv(c, d, 3, 2, home=home)
    deep = c2f(d, d, kind="C2fCIB", inner=lambda: cib(d // 2)) if family == "yolov10" else None
    heads = {"yolov5": anchor_head, "yolov8": distance_head, "yolov10": distance_head}
    options = {"yolov5": {}, "yolov8": {"home": home}, "yolov10": {"kind": "v10Detect"}}
    layers = [
        (-1, conv(3, a, 3, 2, home=home)),
        (-1, conv(a, b, 3, 2, home=home)),
        (-1, block(b, b, depth, home=home)),
        (-1, conv(b, c, 3, 2, home=home)),
        (-1, last),
        (-1, deep or block(d, d, depth, home=home)),
        (-1, psa(d) if family == "yolov10" else sppf(d, home=home)),
        (-1, nn.Upsample(scale_factor=2.0, mode="nearest")),
        ([-1, 3], saved(f"{home.conv}.Concat", d=1)),
        (-1, block(c + d, c, depth, home=home)),
        ([9, 6], heads[family]([c, d], len(NAMES), **options[family])),
    ]
    return network(layers, home, **attributes)


def yolov9(width: int = 8) -> nn.Module:
    """A detector of two maps whose second pair of maps is for training only."""
    torch.manual_seed(0)
    a, b = width, 2 * width
    layers = [
        (-1, saved(f"{V9.block}.Silence")),
        (-1, conv(3, a, 3, 4, home=V9)),
        (-1, elan(a, a)),
        (-1, saved(f"{V9.block}.AConv", {"cv1": conv(a, a, 3, 2, home=V9)})),
        (-1, elan(a, b, inner=lambda: rep_csp(width))),
        (-1, saved(f"{V9.block}.AConv", {"cv1": conv(b, b, 3, 2, home=V9)})),
        (4, saved(f"{V9.block}.CBLinear", {"conv": nn.Conv2d(b, 3 * a, 1)}, c2s=[a, b])),
        (5, conv(b, b, 3, home=V9)),
        (7, conv(b, b, 3, home=V9)),
        ([8, 7, 4, 5], twin_head([b, b], len(NAMES))),
    ]
    return network(layers, V9)


def yolov7(*, auxiliary: bool = False) -> nn.Module:
    """A detector of two maps with the layers of YOLOv7."""
    torch.manual_seed(0)
    leaky = {"act": nn.LeakyReLU(0.1), "home": V7}
    pool = saved(f"{V7.block}.MP", {"m": nn.MaxPool2d(2, 2)})
    spread = saved(f"{V7.block}.SP", {"m": nn.MaxPool2d(5, 1, 2)})
    convs = {f"cv{i}": conv(8, 8, home=V7) for i in (1, 2, 3, 4, 6)}
    convs |= {"cv5": conv(16, 8, home=V7), "cv7": conv(16, 8, home=V7)}
    pools = {"m": nn.ModuleList([nn.MaxPool2d(5, 1, 2)])}
    layers = [
        (-1, conv(3, 8, 3, 4, **leaky)),
        (-1, pool),
        (-1, rep_conv(8, 8, "RepConv")),
        (-1, conv(8, 8, 3, 2, **leaky)),
        (-1, spread),
        ([-1, -2], saved(f"{V7.block}.Concat", d=1)),
        (-1, conv(16, 8, **leaky)),
        (-1, saved(f"{V7.block}.SPPCSPC", convs | pools)),
        (2, conv(8, 8, 3, home=V7)),
        (7, conv(8, 8, 3, home=V7)),
        ([2, 7, 8, 9] if auxiliary else [8, 9], learned_head([8, 8], 3, auxiliary=auxiliary)),
    ]
    return network(layers, V7)


def yolo11() -> nn.Module:
    """A detector of two maps with the blocks of YOLO11."""
    torch.manual_seed(0)

    def narrow(width: int) -> nn.Module:
        parts = {"cv1": conv(width, width // 2, 3), "cv2": conv(width // 2, width, 3)}
        return saved(f"{V8.block}.Bottleneck", parts, add=True)

    def nested() -> nn.Module:
        block = c3(8, 8, home=V8)
        return saved(f"{V8.block}.C3k", dict(block.named_children()))

    def attentive(width: int) -> nn.Module:
        ffn = nn.Sequential(conv(width, 2 * width), conv(2 * width, width, act=nn.Identity()))
        return saved(f"{V8.block}.PSABlock", {"attn": attention(width), "ffn": ffn}, add=True)

    parts = {"cv1": conv(16, 16), "cv2": conv(16, 16), "m": nn.Sequential(attentive(8))}
    layers = [
        (-1, conv(3, 8, 3, 4)),
        (-1, conv(8, 16, 3, 2)),
        (-1, c2f(16, 16, kind="C3k2", inner=lambda: narrow(8))),
        (-1, conv(16, 16, 3, 2)),
        (-1, c2f(16, 16, kind="C3k2", inner=nested)),
        (-1, saved(f"{V8.block}.C2PSA", parts, c=8)),
        ([2, 5], distance_head([16, 16], len(NAMES))),
    ]
    return network(layers, V8)
