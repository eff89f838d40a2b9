"""Image files as pixels, whatever is wrong with them: a fault is counted, never raised."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from edgekit.images.header import header_hw, is_truncated_jpeg
from edgekit.images.quiet import caught_messages

if TYPE_CHECKING:
    from pathlib import Path

    from edgekit.values import ImageRecord, Pixels

HUGE_PIXELS = 50_000_000
# Decoded it would take 600 MB and more, twice while colours are converted.
OVERSIZE_PIXELS = 200_000_000
_STORED = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
_UPRIGHT = cv2.IMREAD_COLOR


@dataclass(frozen=True, eq=False)
class ReadImage:
    """What reading one file gave.

    Attributes:
        pixels_rgb: ``(H, W, 3)``; ``None`` where the image has to be left out.
        faults: What was wrong, for the count: ``greyscale-image``, ``truncated-image``, ...
    """

    pixels_rgb: Pixels | None
    faults: tuple[str, ...] = ()


def read_image(record: ImageRecord) -> ReadImage:
    """Return the pixels of ``record`` in the orientation its labels were drawn in."""
    try:
        data = record.path.read_bytes()
    except OSError:
        return ReadImage(None, ("missing-file",))
    return decode_image(data, record.labelled_hw)


def decode_image(data: bytes, labelled_hw: tuple[int, int] | None = None) -> ReadImage:
    """Return the pixels of an encoded image.

    A truncated image is left out rather than half shown: the missing part, grey, would calibrate
    a model on what no camera sees. A damaged one that still fills its raster is kept.

    Args:
        data: The file's content.
        labelled_hw: Height and width the labels say the image has. They decide whether an EXIF
            rotation applies: tools disagree on it, and the boxes fit one orientation only.
            ``None`` applies it, as image viewers do.
    """
    stored_hw = header_hw(data)
    pixels = stored_hw[0] * stored_hw[1] if stored_hw else 0
    if pixels > OVERSIZE_PIXELS:
        return ReadImage(None, ("oversize-image",))
    if is_truncated_jpeg(data):
        return ReadImage(None, ("truncated-image",))
    stored, faults = _decode(data)
    if stored is None:
        return ReadImage(None, ("unreadable-image",))
    if pixels > HUGE_PIXELS:
        faults += ("huge-image",)
    turned = _turned(data, stored, labelled_hw)
    if turned is not None:
        stored, faults = turned, (*faults, "exif-rotated-image")
    if labelled_hw not in (None, stored.shape[:2]):
        faults += ("size-differs-from-label",)
    pixels_rgb = cv2.cvtColor(stored, cv2.COLOR_BGR2RGB)
    return ReadImage(np.asarray(pixels_rgb, np.uint8), faults)


def read_hw(path: Path) -> tuple[int, int] | None:
    """Return height and width of the image as a viewer shows it, or ``None`` when unreadable."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    if not _has_exif(data) and (size_hw := header_hw(data)):
        return size_hw
    pixels = decode_image(data).pixels_rgb
    return None if pixels is None else (pixels.shape[0], pixels.shape[1])


def _decode(data: bytes) -> tuple[cv2.typing.MatLike | None, tuple[str, ...]]:
    """Return the raster as stored, as BGR, and how its pixels differ from plain 8-bit colour."""
    with caught_messages() as messages:
        image = _imdecode(data, cv2.IMREAD_UNCHANGED)
    if image is None or any("error" in message.lower() for message in messages):
        return None, ()
    channels = 1 if image.ndim == 2 else image.shape[2]
    unusual = {
        "greyscale-image": channels == 1,
        "alpha-image": channels == 4,
        "16-bit-image": image.dtype != np.uint8,
    }
    if any(unusual.values()):
        with caught_messages():
            image = _imdecode(data, _STORED)
    faults = {"damaged-image": bool(messages), **unusual}
    return image, tuple(fault for fault, there in faults.items() if there)


def _turned(
    data: bytes, stored: cv2.typing.MatLike, labelled_hw: tuple[int, int] | None
) -> cv2.typing.MatLike | None:
    """Return the image turned as its EXIF says, or ``None`` to leave it as stored."""
    if labelled_hw == stored.shape[:2] or not _has_exif(data):
        return None
    with caught_messages():
        upright = _imdecode(data, _UPRIGHT)
    if upright is None or np.array_equal(upright, stored):
        return None
    fits = labelled_hw in (None, upright.shape[:2])
    return upright if fits else None


def _has_exif(data: bytes) -> bool:
    return b"Exif" in data or b"eXIf" in data


def _imdecode(data: bytes, flags: int) -> cv2.typing.MatLike | None:
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error:  # what OpenCV raises on an empty file and on one above its own limits
        return None
    return image
