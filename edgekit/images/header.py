"""The size of an image from its first bytes, before anything large is decoded."""

from __future__ import annotations

import struct

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8"
# Start-of-frame markers: C0 to CF but for the tables (C4), an extension (C8) and arithmetic (CC).
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def header_hw(data: bytes) -> tuple[int, int] | None:
    """Return height and width of the stored raster of a JPEG or PNG, or ``None``.

    ``None`` means another format or a header that makes no sense: only decoding can tell.

    Source:
        ITU-T T.81, annex B; PNG specification (W3C), section 11.2.
    """
    if data.startswith(_PNG) and len(data) >= 24:
        width, height = struct.unpack(">II", data[16:24])
        return height, width
    return _jpeg_hw(data) if data.startswith(_JPEG) else None


def is_truncated_jpeg(data: bytes) -> bool:
    """Return whether a JPEG stops before its end-of-image marker."""
    # A preview image inside the metadata has an end marker too, but lies before the scan.
    return data.startswith(_JPEG) and data.rfind(b"\xff\xd9") < data.rfind(b"\xff\xda")


def _jpeg_hw(data: bytes) -> tuple[int, int] | None:
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:  # fill byte
            at += 1
            continue
        if marker in _JPEG_FRAMES:
            height, width = struct.unpack(">HH", data[at + 5 : at + 9])
            return height, width
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return None
