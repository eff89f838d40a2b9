"""An image into the network's input, and boxes back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from edgekit.values import Placement

if TYPE_CHECKING:
    from edgekit.values import Floats, Pixels, Preprocess

_INTERPOLATION = {"bilinear": cv2.INTER_LINEAR, "bicubic": cv2.INTER_CUBIC}


@dataclass(frozen=True, eq=False)
class Letterboxed:
    """An image at the network's size.

    Attributes:
        pixels: ``(H, W, 3)`` in the order of ``Preprocess.color``.
        placement: Where the image lies in it.
    """

    pixels: Pixels
    placement: Placement


def letterbox(pixels_rgb: Pixels, preprocess: Preprocess) -> Letterboxed:
    """Return the image resized and padded to ``preprocess.size_hw``.

    Source:
        The roundings are those the detectors were trained with: Ultralytics ``LetterBox``
        (centred: round, the odd pixel of padding goes right and below), YOLOX ``preproc``
        (top-left: the scaled size is cut off, not rounded).
    """
    height, width = pixels_rgb.shape[:2]
    new_hw = _resized_hw((height, width), preprocess)
    image: cv2.typing.MatLike = pixels_rgb
    if new_hw != (height, width):
        method = _INTERPOLATION[preprocess.interpolation]
        image = cv2.resize(image, new_hw[::-1], interpolation=method)
    if preprocess.color == "bgr":
        image = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    top, left = _padding(new_hw, preprocess)
    bottom = preprocess.size_hw[0] - new_hw[0] - top
    right = preprocess.size_hw[1] - new_hw[1] - left
    if any((top, bottom, left, right)):
        grey = (preprocess.pad_value,) * 3
        image = cv2.copyMakeBorder(image, top, bottom, left, right, cv2.BORDER_CONSTANT, value=grey)
    scale_xy = (new_hw[1] / width, new_hw[0] / height)
    placement = Placement((height, width), scale_xy, (float(left), float(top)))
    return Letterboxed(np.asarray(image, np.uint8), placement)


def to_input(pixels: Pixels, preprocess: Preprocess) -> Floats:
    """Return the ``(1, 3, H, W)`` network input of a letterboxed ``(H, W, 3)`` image."""
    planes: Floats = np.ascontiguousarray(pixels.transpose(2, 0, 1)).astype(np.float32)
    if any(preprocess.mean):
        planes -= np.array(preprocess.mean, np.float32)[:, None, None]
    if preprocess.std != (1.0, 1.0, 1.0):
        planes /= np.array(preprocess.std, np.float32)[:, None, None]
    return planes[None]


def boxes_to_original(xyxy: Floats, placement: Placement) -> Floats:
    """Return boxes in pixels of the original image, cut off at its edges.

    Args:
        xyxy: ``(N, 4)`` in pixels of the network's input.
        placement: Where the image lay in the input.
    """
    height, width = placement.original_hw
    offset = np.array(placement.offset_xy * 2, np.float32)
    scale = np.array(placement.scale_xy * 2, np.float32)
    limit = np.array((width, height, width, height), np.float32)
    original: Floats = np.clip((xyxy - offset) / scale, 0, limit).astype(np.float32)
    return original


def _resized_hw(image_hw: tuple[int, int], preprocess: Preprocess) -> tuple[int, int]:
    if preprocess.resize == "stretch":
        return preprocess.size_hw
    ratio = min(new / old for new, old in zip(preprocess.size_hw, image_hw, strict=True))
    if not preprocess.scale_up:
        ratio = min(ratio, 1.0)
    whole = round if preprocess.resize == "letterbox-center" else int
    # A very long image must keep at least one pixel across.
    return max(1, whole(image_hw[0] * ratio)), max(1, whole(image_hw[1] * ratio))


def _padding(new_hw: tuple[int, int], preprocess: Preprocess) -> tuple[int, int]:
    """Return the rows above and the columns left of the image."""
    if preprocess.resize != "letterbox-center":
        return 0, 0
    top, left = (
        round((size - new) / 2 - 0.1) for size, new in zip(preprocess.size_hw, new_hw, strict=True)
    )
    return top, left
