"""Whether an image shows anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgekit.values import Pixels

EVEN = 16  # of 255, between the least and the most of any colour


def is_even(pixels_rgb: Pixels) -> bool:
    """Return whether an image has no contrast: black, or a covered lens.

    Args:
        pixels_rgb: ``(H, W, 3)``.
    """
    spread = pixels_rgb.max(axis=(0, 1)) - pixels_rgb.min(axis=(0, 1))
    return int(spread.max()) < EVEN
