"""The published networks edgekit knows by name, so that weights alone can be loaded."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING

from edgekit.nets.architectures import (
    mobileone,
    nanodet,
    repvgg,
    yolo11,
    yolov5,
    yolov5_lite,
    yolov6,
    yolov7,
    yolov8,
    yolov8_ghost,
    yolov9,
    yolov10,
    yolox,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from torch import nn


@dataclass(frozen=True)
class ClassCount:
    """Where a state dictionary tells how many classes the network knows.

    Attributes:
        key: A tensor of the head whose first axis grows with the classes.
        cells: Predictions per cell in that tensor: the anchors of an anchor head.
        besides: Outputs of a prediction that are no class: 5 for box and objectness.
    """

    key: str
    cells: int = 1
    besides: int = 0

    def of(self, shapes: Mapping[str, Sequence[int]]) -> int | None:
        """Return the classes of a state dictionary with ``shapes``; ``None`` if it does not fit."""
        shape = tuple(shapes.get(self.key, ()))
        if not shape or shape[0] % self.cells:
            return None
        classes = shape[0] // self.cells - self.besides
        return classes if classes > 0 else None


@dataclass(frozen=True)
class Architecture:
    """A published network.

    Attributes:
        name: As it is known, ``yolo11n``.
        family: ``yolo11``.
        build: Takes the number of classes. The keys and shapes of the module's state dictionary
            are those its package saves; in evaluation mode it takes images ``(N, 3, H, W)`` in
            0..1 (YOLOX, NanoDet: BGR as they prepare it) and gives decoded predictions.
        parameters: For 80 classes (classifiers: 1000), as printed: ``2.6M``, or all digits.
        gmacs: Thousand millions of multiply-accumulates of one image, as printed (half of
            "FLOPs"); ``None`` where nothing printed fits the published code.
        source: Where these two figures stand.
        classes: Where a state dictionary tells the number of classes.
        side: Of the square image ``gmacs`` are for, in pixels.
        strides: Of the maps the head reads, in pixels.
        training_only: Starts of keys of what the deployed network does without.
        as_trained: The figures are of the network before branches are merged.
    """

    name: str
    family: str
    build: Callable[[int], nn.Module]
    parameters: str
    gmacs: float | None
    source: str
    classes: ClassCount
    side: int = 640
    strides: tuple[int, ...] = (8, 16, 32)
    training_only: tuple[str, ...] = ()
    as_trained: bool = False


def _anchors(layer: int) -> ClassCount:
    return ClassCount(f"model.{layer}.m.0.bias", cells=3, besides=5)


def _scores(layer: int, branch: str = "cv3") -> ClassCount:
    return ClassCount(f"model.{layer}.{branch}.0.2.bias")


def _layers(first: int, last: int) -> tuple[str, ...]:
    return tuple(f"model.{place}." for place in range(first, last))


_V5 = "README of YOLOv5 v7.0, table of pretrained checkpoints"
_V5_EARLY = "README of YOLOv5 v5.0, table of pretrained checkpoints"
_V5_LITE = "README of YOLOv5-Lite, table of comparison, of the network after its layers are merged"
_V6 = {
    "0.2": "README of YOLOv6 0.2.0, table of benchmark",
    "n": "README of YOLOv6 0.3.0, whose 4.7M is the 4.65M that its own program counts",
    "s": "README of YOLOv6 0.3.0, table of benchmark",
}
_V7 = "Wang et al., YOLOv7 (CVPR 2023), table 2"
_V8 = "Ultralytics documentation, models/yolov8, table of detection models"
_V8_GHOST = "Ultralytics 8.3, head of cfg/models/v8/yolov8-ghost.yaml"
_V9 = "README of WongKinYiu/yolov9, table of performance"
_V9_TINY = (
    "WongKinYiu/yolov9, issue 505: what its own program counts; the 2.0M and 7.7G of the table are "
    "of no network in its code"
)
_V9_PORT = "Ultralytics 8.3, head of cfg/models/v9/{}.yaml"
_V10 = "Wang et al., YOLOv10 (NeurIPS 2024), table 1"
_X = "README of YOLOX 0.3.0; operations counted as its program does, two per value of a batch norm"
_REPVGG = "Ding et al., RepVGG (CVPR 2021), tables 2 and 4, which leave out the biases"
_MOBILEONE = "Vasu et al., MobileOne (CVPR 2023), comparison on ImageNet"
_NANODET = "README of NanoDet 1.0, table of benchmarks, which leaves out batch norms"
_V11 = "Ultralytics documentation, models/yolo11, table of detection models"


def _yolov5(size: str, parameters: str, gmacs: float) -> Architecture:
    build = partial(yolov5.build, size)
    return Architecture(f"yolov5{size}", "yolov5", build, parameters, gmacs, _V5, _anchors(24))


def _early_yolov5(size: str, parameters: str, gmacs: float) -> Architecture:
    """Return the network of versions 4 and 5, which are laid out alike."""
    known, build = _yolov5(size, parameters, gmacs), partial(yolov5.build_early, size)
    return replace(known, name=f"yolov5{size}-5.0", build=build, source=_V5_EARLY)


def _yolov5_lite(size: str, parameters: str, gmacs: float) -> Architecture:
    name, build = f"yolov5-lite-{size}", partial(yolov5_lite.build, size)
    known = Architecture(name, "yolov5", build, parameters, gmacs, _V5_LITE, _anchors(21))
    return replace(known, side=416)


def _yolov6(size: str, parameters: str, gmacs: float) -> Iterator[Architecture]:
    """Yield the network as it is trained plainly, and as the options of the package leave it."""
    source, unread = _V6[size], ("detect.proj_conv.",)
    build, count = partial(yolov6.build, size), ClassCount("detect.cls_preds.0.bias")
    known = Architecture(
        f"yolov6{size}", "yolov6", build, parameters, gmacs, source, count, training_only=unread
    )
    yield known
    name, build = f"yolov6{size}-distill", partial(yolov6.build, f"{size}-distill")
    yield replace(known, name=name, build=build, training_only=(*unread, "detect.reg_preds."))
    yield replace(
        known,
        name=f"yolov6{size}-fuse-ab",
        build=partial(yolov6.build, f"{size}-fuse-ab"),
        classes=ClassCount("detect.cls_preds_af.0.bias"),
        training_only=(*unread, "detect.cls_preds_ab.", "detect.reg_preds_ab."),
    )


def _older_yolov6(size: str, parameters: str, gmacs: float) -> Architecture:
    known, *_ = _yolov6(size, parameters, gmacs)
    build = partial(yolov6.build, f"{size}-0.2")
    return replace(known, name=f"yolov6{size}-0.2", build=build, source=_V6["0.2"])


def _yolov7(size: str, parameters: str, gmacs: float) -> Iterator[Architecture]:
    name = f"yolov7-{size}" if size else "yolov7"
    for end, build in (("", yolov7.build), ("-training", yolov7.build_training)):
        yield Architecture(
            f"{name}{end}",
            "yolov7",
            partial(build, size),
            parameters,
            gmacs,
            _V7,
            _anchors(77 if size else 105),
        )


def _yolov8(size: str, parameters: str, gmacs: float) -> Architecture:
    build = partial(yolov8.build, size)
    return Architecture(f"yolov8{size}", "yolov8", build, parameters, gmacs, _V8, _scores(22))


def _yolov8_ghost(size: str, parameters: str, gmacs: float) -> Architecture:
    name, build = f"yolov8{size}-ghost", partial(yolov8_ghost.build, size)
    known = Architecture(name, "yolov8", build, parameters, gmacs, _V8_GHOST, _scores(22))
    return replace(known, as_trained=True)


def _yolov9(
    size: str, parameters: str, gmacs: float | None, source: str = _V9
) -> Iterator[Architecture]:
    """Yield the network with its auxiliary branch and without."""
    first, head = (23, 38) if size == "c" else (22, 29)
    spare = (*_layers(first, head), *(f"model.{head}.{name}." for name in ("cv2", "cv3", "dfl")))
    build = partial(yolov9.build, size)
    count = _scores(head, "cv5")
    full = Architecture(f"yolov9-{size}", "yolov9", build, parameters, gmacs, source, count)
    yield replace(full, training_only=spare)
    build = partial(yolov9.build_converted, size)
    yield replace(full, name=f"gelan-{size}", build=build, classes=_scores(22))


def _ported_yolov9(size: str, parameters: str, gmacs: float | None) -> Architecture:
    name, build = f"yolov9{size}", partial(yolov9.build_ported, size)
    source = _V9_PORT.format(name)
    known = Architecture(name, "yolov9", build, parameters, gmacs, source, _scores(22))
    return replace(known, as_trained=True)


def _yolov10(size: str, parameters: str, gmacs: float) -> Architecture:
    name, build, count = f"yolov10{size}", partial(yolov10.build, size), _scores(23, "one2one_cv3")
    known = Architecture(name, "yolov10", build, parameters, gmacs, _V10, count)
    return replace(known, training_only=("model.23.cv2.", "model.23.cv3."))


def _yolo11(size: str, parameters: str, gmacs: float) -> Architecture:
    build = partial(yolo11.build, size)
    return Architecture(f"yolo11{size}", "yolo11", build, parameters, gmacs, _V11, _scores(23))


def _yolox(size: str, parameters: str, gmacs: float, side: int = 640) -> Architecture:
    name, build = f"yolox-{size}", partial(yolox.build, size)
    count = ClassCount("head.cls_preds.0.bias")
    known = Architecture(name, "yolox", build, parameters, gmacs, _X, count)
    return replace(known, side=side, as_trained=True)


def _nanodet(size: str, parameters: str, gmacs: float) -> Architecture:
    count = ClassCount("head.gfl_cls.0.bias", besides=4 * nanodet.BINS)
    name, build = f"nanodet-plus-{size}", partial(nanodet.build, size)
    known = Architecture(name, "nanodet", build, parameters, gmacs, _NANODET, count)
    spare = ("aux_fpn.", "aux_head.", "head.distribution_project.")
    return replace(known, side=320, strides=(8, 16, 32, 64), training_only=spare)


def _repvgg(size: str, parameters: str, gmacs: float) -> Architecture:
    """Return a classifier, which is the backbone of others: no head will be found in it."""
    name, build, count = f"repvgg-{size}", partial(repvgg.build, size), ClassCount("linear.bias")
    known = Architecture(name, "repvgg", build, parameters, gmacs, _REPVGG, count)
    return replace(known, side=224)


def _mobileone(size: str, parameters: str, gmacs: float) -> Architecture:
    """Return a classifier, which is the backbone of others: no head will be found in it."""
    name, build = f"mobileone-{size}", partial(mobileone.build, size)
    count = ClassCount("linear.bias")
    known = Architecture(name, "mobileone", build, parameters, gmacs, _MOBILEONE, count)
    return replace(known, side=224)


_ALL: tuple[Architecture, ...] = (
    _yolov5("n", "1.9M", 2.25),
    _yolov5("s", "7.2M", 8.25),
    _early_yolov5("s", "7.3M", 8.5),
    _yolov5_lite("s", "1.64M", 0.83),
    *_yolov6("n", "4.65M", 5.7),
    *_yolov6("s", "18.5M", 22.65),
    _older_yolov6("n", "4.3M", 5.55),
    _older_yolov6("s", "17.2M", 22.1),
    *_yolov7("", "36.9M", 52.35),
    *_yolov7("tiny", "6.2M", 6.9),
    _yolov8("n", "3.2M", 4.35),
    _yolov8("s", "11.2M", 14.3),
    _yolov8_ghost("n", "1865316", 2.9),
    _yolov8_ghost("s", "5960072", 8.2),
    *_yolov9("t", "2407632", None, _V9_TINY),
    *_yolov9("s", "7.1M", 13.2),
    *_yolov9("c", "25.3M", 51.05),
    _ported_yolov9("t", "2128720", None),  # its 8.5 GFLOPs count batch norms and poolings too
    _ported_yolov9("s", "7318368", 13.8),
    _ported_yolov9("c", "25590912", 52.0),
    _yolov10("n", "2.3M", 3.35),
    _yolov10("s", "7.2M", 10.8),
    _yolo11("n", "2.6M", 3.25),
    _yolo11("s", "9.4M", 10.75),
    _yolox("nano", "0.91M", 0.54, side=416),
    _yolox("tiny", "5.06M", 3.225, side=416),
    _yolox("s", "9.0M", 13.4),
    _yolox("darknet53", "63.7M", 92.65),
    _nanodet("m", "1.17M", 0.45),
    _nanodet("m-1.5x", "2.44M", 0.875),
    _repvgg("a0", "8.30M", 1.4),
    _mobileone("s0", "2.1M", 0.275),
    _mobileone("s1", "4.8M", 0.825),
)

ARCHITECTURES: Mapping[str, Architecture] = MappingProxyType({of.name: of for of in _ALL})
"""Every known network by its name."""
