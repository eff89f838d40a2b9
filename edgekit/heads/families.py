"""How the families of detectors prepare images and pick detections, as data.

Each follows the evaluation settings its authors publish: Darknet for YOLO and YOLOv2; Ultralytics
YOLOv5, v8 and YOLOv10 (letterbox centred, RGB, 0..1); YOLOX 0.3 (letterbox top-left, BGR, 0..255);
PaddleDetection for PicoDet and PP-YOLOE; NanoDet-Plus; SuperGradients for YOLO-NAS; RT-DETR;
torchvision for SSD-VGG and the TensorFlow model zoo for SSD-MobileNet.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from edgekit.heads.spec import NmsOptions

if TYPE_CHECKING:
    from edgekit.values import ColorOrder, Interpolation, Resize

_IMAGENET_MEAN = (123.675, 116.28, 103.53)
_IMAGENET_STD = (58.395, 57.12, 57.375)
_PIXELS = (1.0, 1.0, 1.0)
_SMALL = NmsOptions(iou=0.6, min_score=0.025, max_detections=100)


@dataclass(frozen=True)
class Family:
    """What a family of detectors agrees on.

    Attributes:
        mean: Per channel in ``color`` order, in pixel units.
        std: Per channel in ``color`` order, in pixel units.
    """

    name: str
    resize: Resize = "letterbox-center"
    interpolation: Interpolation = "bilinear"
    color: ColorOrder = "rgb"
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (255.0, 255.0, 255.0)
    nms: NmsOptions = field(default_factory=NmsOptions)


YOLOV1 = Family("yolov1", resize="stretch", nms=NmsOptions(iou=0.5))
YOLOV2 = Family("yolov2", nms=NmsOptions(iou=0.45))
YOLOV3 = Family("yolov3", nms=NmsOptions(iou=0.6))
YOLOV5 = Family("yolov5", nms=NmsOptions(iou=0.6))
YOLOV6 = Family("yolov6", nms=NmsOptions(iou=0.65))
YOLOV8 = Family("yolov8")
YOLOV10 = Family("yolov10", nms=NmsOptions(iou=1.0))
YOLO_NAS = Family("yolo-nas")
YOLOX = Family(
    "yolox",
    resize="letterbox-topleft",
    color="bgr",
    std=_PIXELS,
    nms=NmsOptions(iou=0.65, multi_label=False),
)
PPYOLOE = Family(
    "ppyoloe",
    resize="stretch",
    interpolation="bicubic",
    mean=_IMAGENET_MEAN,
    std=_IMAGENET_STD,
    nms=NmsOptions(iou=0.7, min_score=0.01),
)
PICODET = Family(
    "picodet",
    resize="stretch",
    interpolation="bicubic",
    mean=_IMAGENET_MEAN,
    std=_IMAGENET_STD,
    nms=_SMALL,
)
NANODET = Family(
    "nanodet",
    resize="stretch",
    color="bgr",
    mean=(103.53, 116.28, 123.675),
    std=(57.375, 57.12, 58.395),
    nms=NmsOptions(iou=0.6, min_score=0.05, max_detections=100),
)
RTDETR = Family("rtdetr", resize="stretch", nms=NmsOptions(iou=1.0))
SSD_VGG = Family(
    "ssd-vgg",
    resize="stretch",
    mean=(123.0, 117.0, 104.0),
    std=_PIXELS,
    nms=NmsOptions(iou=0.45, min_score=0.01, max_detections=200),
)
SSD_MOBILENET = Family(
    "ssd-mobilenet",
    resize="stretch",
    mean=(127.5, 127.5, 127.5),
    std=(127.5, 127.5, 127.5),
    nms=NmsOptions(iou=0.6, min_score=0.01, max_detections=100),
)

_YOLO = (YOLOV1, YOLOV2, YOLOV3, YOLOV5, YOLOV6, YOLOV8, YOLOV10, YOLOX, YOLO_NAS)
_OTHERS = (PPYOLOE, PICODET, NANODET, RTDETR, SSD_VGG, SSD_MOBILENET)
FAMILIES = {family.name: family for family in (*_YOLO, *_OTHERS)}
"""Every family by its name."""
