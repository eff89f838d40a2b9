"""Pictures as BMP files: no compression, so the same bytes whatever library is installed."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from edgekit.values import Pixels

_FILE_HEADER = struct.Struct("<2sI4xI")
_INFO_HEADER = struct.Struct("<IiiHHIIiiII")


def to_bmp(pixels_rgb: Pixels) -> bytes:
    """Return a picture ``(H, W, 3)`` as the content of a BMP file of 24 bits per pixel.

    Source:
        Microsoft, "Bitmap Storage", BITMAPFILEHEADER and BITMAPINFOHEADER.
    """
    height, width, _ = pixels_rgb.shape
    padding = -3 * width % 4
    rows = pixels_rgb[::-1, :, ::-1].reshape(height, 3 * width)
    raster = np.pad(rows, ((0, 0), (0, padding))).tobytes()
    offset = _FILE_HEADER.size + _INFO_HEADER.size
    info = _INFO_HEADER.pack(_INFO_HEADER.size, width, height, 1, 24, 0, len(raster), 0, 0, 0, 0)
    return _FILE_HEADER.pack(b"BM", offset + len(raster), offset) + info + raster
