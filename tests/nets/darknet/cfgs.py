"""Configurations of the published Darknet networks, written from their layer lists.

Source:
    Redmon and Farhadi, "YOLOv3" (2018), table 1 and section 2.3; Bochkovskiy et al., "YOLOv4"
    (2020), section 3.4; Wang et al., "Scaled-YOLOv4" (CVPR 2021), section 3.3; and the files
    yolov3.cfg, yolov3-spp.cfg, yolov3-tiny.cfg, yolov4.cfg and yolov4-tiny.cfg of Darknet.
"""

from __future__ import annotations

import numpy as np

from edgekit.load.darknet import DarknetModel, Section

COARSE = (10, 13, 16, 30, 33, 23, 30, 61, 62, 45, 59, 119, 116, 90, 156, 198, 373, 326)
V4 = (12, 16, 19, 36, 40, 28, 36, 75, 76, 55, 72, 146, 142, 110, 192, 243, 459, 401)
TINY = (10, 14, 23, 27, 37, 58, 81, 82, 135, 169, 344, 319)

Sections = list[tuple[str, dict[str, str]]]


class Cfg:
    """Sections in order, each added by a method named after its kind."""

    def __init__(self, side: int, width: float = 1.0) -> None:
        """Take the image's side and what channels are scaled by; a scaled one has 3 classes."""
        net = {"width": side, "height": side, "channels": 3}
        self.sections: Sections = [("net", {k: str(v) for k, v in net.items()})]
        self.by = width
        self.classes = 80 if width == 1 else 3

    @property
    def last(self) -> int:
        return len(self.sections) - 2

    def add(self, kind: str, **options) -> int:
        self.sections.append((kind, {name: str(value) for name, value in options.items()}))
        return self.last

    def conv(self, filters: int, size: int = 1, stride: int = 1, act: str = "leaky") -> int:
        norm = {"batch_normalize": 1, "filters": max(int(filters * self.by), 2)}
        return self.add("convolutional", **norm, size=size, stride=stride, pad=1, activation=act)

    def route(self, *layers: int, **options) -> int:
        return self.add("route", layers=",".join(map(str, layers)), **options)

    def shortcut(self, of: int) -> int:
        return self.add("shortcut", **{"from": of, "activation": "linear"})

    def pool(self, size: int, stride: int) -> int:
        return self.add("maxpool", size=size, stride=stride)

    def yolo(self, mask: tuple[int, ...], anchors: tuple[int, ...], scale: float = 1.0) -> int:
        outputs = len(mask) * (5 + self.classes)
        self.add("convolutional", filters=outputs, size=1, stride=1, pad=1, activation="linear")
        return self.add(
            "yolo",
            mask=",".join(map(str, mask)),
            anchors=", ".join(map(str, anchors)),
            classes=self.classes,
            num=len(anchors) // 2,
            scale_x_y=scale,
        )

    @property
    def widths(self) -> list[int]:
        """Channels of every layer, the image's 3 first: what Darknet prints when it loads."""
        found = [3]
        for kind, options in self.sections[1:]:
            if kind == "convolutional":
                found.append(int(options["filters"]))
            elif kind == "route":
                places = [int(at) for at in options["layers"].split(",")]
                parts = [found[at + 1 if at >= 0 else at] for at in places]
                found.append(sum(parts) // int(options.get("groups", 1)))
            else:
                found.append(found[-1])
        return found

    def numbers(self) -> np.ndarray:
        """Weights for all layers, the same everywhere: sines of their places, scaled to keep size.

        A batch norm has bias, factor, mean and variance, before the kernel; else there is a bias.
        """
        parts = []
        for inputs, (kind, options) in zip(self.widths, self.sections[1:], strict=False):
            if kind != "convolutional":
                continue
            outputs, size = int(options["filters"]), int(options["size"])
            wave = np.sin(np.arange(outputs) * 1.7 + len(parts))
            norm = (0.2 * wave, 1 + 0.3 * wave, 0.1 * wave, 1 + 0.5 * np.abs(wave))
            parts += norm if "batch_normalize" in options else (wave,)
            count = outputs * inputs * size**2
            kernel = np.sin(np.arange(count) ** 2 * 0.61 + len(parts))
            parts.append(kernel * (3 / (inputs * size**2)) ** 0.5)
        return np.concatenate(parts).astype(np.float32)

    def read(self, numbers: np.ndarray | None = None, *, transposed: bool = False) -> DarknetModel:
        """The network as the reader of configuration and weights gives it."""
        weights = self.numbers() if numbers is None else numbers
        sections = tuple(
            Section(kind, options, f"Cannot load 'tiny.cfg': [{kind}]")
            for kind, options in self.sections
        )
        return DarknetModel(sections, weights, seen=0, transposed=transposed)

    def text(self) -> str:
        blocks = (
            "\n".join([f"[{kind}]", *(f"{name}={value}" for name, value in options.items())])
            for kind, options in self.sections
        )
        return "\n\n".join(blocks) + "\n"


def yolov3(side: int = 416, width: float = 1.0, *, pooled: bool = False) -> Cfg:
    """Darknet-53 and three heads; with ``pooled`` it is YOLOv3-SPP."""
    cfg = Cfg(side, width)
    cfg.conv(32, 3)
    ends = []
    for level, depth in enumerate((1, 2, 8, 8, 4)):
        filters = 64 * 2**level
        cfg.conv(filters, 3, 2)
        for _ in range(depth):
            cfg.conv(filters // 2)
            cfg.conv(filters, 3)
            ends.append(cfg.shortcut(-3))
    middle, fine = ends[-5], ends[-13]
    for at, (filters, mask) in enumerate(((512, (6, 7, 8)), (256, (3, 4, 5)), (128, (0, 1, 2)))):
        if at:
            cfg.route(-4)
            cfg.conv(filters)
            cfg.add("upsample", stride=2)
            cfg.route(-1, (middle, fine)[at - 1])
        cfg.conv(filters)
        cfg.conv(2 * filters, 3)
        cfg.conv(filters)
        if pooled and not at:
            _pools(cfg)
            cfg.conv(filters)
        cfg.conv(2 * filters, 3)
        cfg.conv(filters)
        cfg.conv(2 * filters, 3)
        cfg.yolo(mask, COARSE)
    return cfg


def yolov3_tiny(side: int = 416, width: float = 1.0) -> Cfg:
    cfg = Cfg(side, width)
    for filters in (16, 32, 64, 128, 256, 512):
        cfg.conv(filters, 3)
        cfg.pool(2, 1 if filters == 512 else 2)
    cfg.conv(1024, 3)
    cfg.conv(256)
    cfg.conv(512, 3)
    cfg.yolo((3, 4, 5), TINY)
    cfg.route(-4)
    cfg.conv(128)
    cfg.add("upsample", stride=2)
    cfg.route(-1, 8)
    cfg.conv(256, 3)
    cfg.yolo((0, 1, 2), TINY)
    return cfg


def yolov4_tiny(side: int = 416, width: float = 1.0) -> Cfg:
    cfg = Cfg(side, width)
    cfg.conv(32, 3, 2)
    cfg.conv(64, 3, 2)
    for filters in (64, 128, 256):
        cfg.conv(filters, 3)
        cfg.route(-1, groups=2, group_id=1)
        cfg.conv(filters // 2, 3)
        cfg.conv(filters // 2, 3)
        cfg.route(-1, -2)
        end = cfg.conv(filters)
        cfg.route(-6, -1)
        cfg.pool(2, 2)
    cfg.conv(512, 3)
    cfg.conv(256)
    cfg.conv(512, 3)
    cfg.yolo((3, 4, 5), TINY, 1.05)
    cfg.route(-4)
    cfg.conv(128)
    cfg.add("upsample", stride=2)
    cfg.route(-1, end)
    cfg.conv(256, 3)
    cfg.yolo((1, 2, 3), TINY, 1.05)
    return cfg


def yolov4(side: int = 416, width: float = 1.0) -> Cfg:
    """CSPDarknet-53 with Mish, pooling at the coarsest map, three maps down and up again."""
    cfg = Cfg(side, width)
    cfg.conv(32, 3, act="mish")
    ends = [_cross_stage(cfg, 64 * 2**level, depth) for level, depth in enumerate((1, 2, 8, 8, 4))]
    cfg.conv(512)
    cfg.conv(1024, 3)
    cfg.conv(512)
    _pools(cfg)
    cfg.conv(512)
    cfg.conv(1024, 3)
    coarse = cfg.conv(512)
    middle = _down(cfg, 256, ends[3])
    _down(cfg, 128, ends[2])
    for filters, mask, join, scale in (
        (128, (0, 1, 2), None, 1.2),
        (256, (3, 4, 5), middle, 1.1),
        (512, (6, 7, 8), coarse, 1.05),
    ):
        if join is not None:
            cfg.route(-4)
            cfg.conv(filters, 3, 2)
            cfg.route(-1, join)
            for _ in range(2):
                cfg.conv(filters)
                cfg.conv(2 * filters, 3)
            cfg.conv(filters)
        cfg.conv(2 * filters, 3)
        cfg.yolo(mask, V4, scale)
    return cfg


def _pools(cfg: Cfg) -> None:
    """Three windows side by side with their input."""
    cfg.pool(5, 1)
    cfg.route(-2)
    cfg.pool(9, 1)
    cfg.route(-4)
    cfg.pool(13, 1)
    cfg.route(-1, -3, -5, -6)


def _cross_stage(cfg: Cfg, filters: int, depth: int) -> int:
    """Half the size, then a cross-stage block; return its place."""
    half = filters if depth == 1 else filters // 2
    cfg.conv(filters, 3, 2, act="mish")
    beside = cfg.conv(half, act="mish")
    cfg.route(-2)
    cfg.conv(half, act="mish")
    for _ in range(depth):
        cfg.conv(filters // 2, act="mish")
        cfg.conv(half, 3, act="mish")
        cfg.shortcut(-3)
    cfg.conv(half, act="mish")
    cfg.route(-1, beside)
    return cfg.conv(filters, act="mish")


def _down(cfg: Cfg, filters: int, finer: int) -> int:
    """The last map enlarged and joined with a finer one; return the place of what comes of it."""
    cfg.conv(filters)
    cfg.add("upsample", stride=2)
    cfg.route(finer)
    cfg.conv(filters)
    cfg.route(-1, -3)
    for _ in range(2):
        cfg.conv(filters)
        cfg.conv(2 * filters, 3)
    return cfg.conv(filters)


PUBLISHED = {
    "yolov3": yolov3,
    "yolov3-spp": lambda *args: yolov3(*args, pooled=True),
    "yolov3-tiny": yolov3_tiny,
    "yolov4": yolov4,
    "yolov4-tiny": yolov4_tiny,
}
