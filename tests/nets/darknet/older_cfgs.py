"""Configurations of the published Darknet networks before YOLOv3, written from their layer lists.

Source:
    Redmon et al., "You Only Look Once" (CVPR 2016), figure 3; Redmon and Farhadi, "YOLO9000"
    (CVPR 2017), table 6 and section 2; and the files yolov1.cfg, yolov1-tiny.cfg, yolov2.cfg and
    yolov2-tiny.cfg of Darknet.
"""

from __future__ import annotations

import numpy as np

from tests.nets.darknet.cfgs import Cfg

_SMALL = (0.57273, 0.677385, 1.87446, 2.06253, 3.33843, 5.47434)
ANCHORS = (*_SMALL, 7.88282, 3.52778, 9.77052, 9.16828)


class OlderCfg(Cfg):
    """Sections in order, those of older networks among them."""

    def local(self, filters: int) -> int:
        width = max(int(filters * self.by), 2)
        return self.add("local", size=3, stride=1, pad=1, filters=width, activation="leaky")

    def region(self, **options) -> int:
        outputs = 5 * (5 + self.classes)
        self.add("convolutional", filters=outputs, size=1, stride=1, pad=1, activation="linear")
        anchors = ", ".join(map(str, ANCHORS))
        named = {"classes": self.classes, "coords": 4, "num": 5, "softmax": 1, "bias_match": 1}
        return self.add("region", anchors=anchors, **{**named, **options})

    def detection(self, boxes: int, side: int, **options) -> int:
        self.add("connected", output=side**2 * (5 * boxes + self.classes), activation="linear")
        named = {"classes": self.classes, "coords": 4, "side": side, "num": boxes, "sqrt": 1}
        return self.add("detection", rescore=1, softmax=0, **{**named, **options})

    def shapes(self) -> list[tuple[int, int]]:
        """Channels and side of every layer, the image's first, as Darknet prints when it loads."""
        found = [(3, int(self.sections[0][1]["width"]))]
        for kind, options in self.sections[1:]:
            width, side = found[-1]
            stride = int(options.get("stride", 1))
            width = int(options.get("filters", options.get("output", width)))
            if kind == "route":
                read = [found[int(at)] for at in options["layers"].split(",")]
                width, side = sum(of[0] for of in read), read[0][1]
            elif kind == "reorg":
                width *= stride**2
            side = 1 if kind == "connected" else side // stride
            found.append((width, side))
        return found

    def count(self) -> int:
        """How many numbers the weights of all layers are."""
        shapes, found = self.shapes(), 0
        for (inputs, side), (outputs, after), (kind, options) in zip(
            shapes, shapes[1:], self.sections[1:], strict=False
        ):
            if kind == "convolutional":
                norm = 4 if "batch_normalize" in options else 1
                found += outputs * (inputs * int(options["size"]) ** 2 + norm)
            elif kind == "local":
                found += after**2 * outputs * (inputs * int(options["size"]) ** 2 + 1)
            elif kind == "connected":
                found += outputs * (inputs * side**2 + 1)
        return found

    def numbers(self) -> np.ndarray:
        """Weights for all layers, the same everywhere: sines of their places, scaled to keep size.

        A local layer has a bias for each of its outputs, and a kernel for each place.
        """
        parts: list[np.ndarray] = []
        shapes = self.shapes()
        for (inputs, side), after, (kind, options) in zip(
            shapes, shapes[1:], self.sections[1:], strict=False
        ):
            if kind not in {"convolutional", "connected", "local"}:
                continue
            places = after[1] ** 2 if kind == "local" else 1
            fan = inputs * (side**2 if kind == "connected" else int(options["size"]) ** 2)
            wave = np.sin(np.arange(after[0] * places) * 1.7 + len(parts))
            norm = (0.2 * wave, 1 + 0.3 * wave, 0.1 * wave, 1 + 0.5 * np.abs(wave))
            parts += norm if "batch_normalize" in options else (wave,)
            kernel = np.sin(np.arange(after[0] * fan * places) ** 2 * 0.61 + len(parts))
            parts.append(kernel * (3 / fan) ** 0.5)
        return np.concatenate(parts).astype(np.float32)


def yolov2(side: int = 608, width: float = 1.0, **region) -> OlderCfg:
    """Darknet-19, a finer map taken apart beside its last, and one head."""
    cfg = OlderCfg(side, width)
    cfg.conv(32, 3)
    for filters, depth in ((64, 1), (128, 3), (256, 3), (512, 5), (1024, 5)):
        cfg.pool(2, 2)
        for at in range(depth):
            cfg.conv(filters // (1 + at % 2), 3 - 2 * (at % 2))
    cfg.conv(1024, 3)
    cfg.conv(1024, 3)
    cfg.route(-9)
    cfg.conv(64)
    cfg.add("reorg", stride=2)
    cfg.route(-1, -4)
    cfg.conv(1024, 3)
    cfg.region(**region)
    return cfg


def yolov2_tiny(side: int = 416, width: float = 1.0, **region) -> OlderCfg:
    cfg = OlderCfg(side, width)
    for filters in (16, 32, 64, 128, 256, 512):
        cfg.conv(filters, 3)
        cfg.pool(2, 1 if filters == 512 else 2)
    cfg.conv(1024, 3)
    cfg.conv(512, 3)
    cfg.region(**region)
    return cfg


def yolov1(side: int = 448, width: float = 1.0) -> OlderCfg:
    """24 convolutions, the last of them with kernels of their own everywhere, one connected."""
    cfg = OlderCfg(side, width)
    cfg.classes = min(cfg.classes, 20)
    cfg.conv(64, 7, 2)
    cfg.pool(2, 2)
    cfg.conv(192, 3)
    cfg.pool(2, 2)
    for filters in (128, 256):
        cfg.conv(filters)
        cfg.conv(2 * filters, 3)
    cfg.pool(2, 2)
    for filters in (256, 256, 256, 256, 512):
        cfg.conv(filters)
        cfg.conv(2 * filters, 3)
    cfg.pool(2, 2)
    for _ in range(2):
        cfg.conv(512)
        cfg.conv(1024, 3)
    cfg.conv(1024, 3)
    cfg.conv(1024, 3, 2)
    cfg.conv(1024, 3)
    cfg.conv(1024, 3)
    cfg.local(256)
    cfg.add("dropout", probability=0.5)
    cfg.detection(3, side // 64)
    return cfg


def yolov1_tiny(side: int = 448, width: float = 1.0) -> OlderCfg:
    cfg = OlderCfg(side, width)
    cfg.classes = min(cfg.classes, 20)
    for filters in (16, 32, 64, 128, 256, 512):
        cfg.conv(filters, 3)
        cfg.pool(2, 2)
    cfg.conv(1024, 3)
    cfg.conv(256, 3)
    cfg.detection(2, side // 64)
    return cfg


OLDER = {
    "yolov2": yolov2,
    "yolov2-tiny": yolov2_tiny,
    "yolov1": yolov1,
    "yolov1-tiny": yolov1_tiny,
}
