"""What stands behind and between the digits: pieces of photographs, and clutter."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edgekit.scenes.raster import Plane, Pose, blurred, posed, resized
from edgekit.scenes.sources import stroke_mask

if TYPE_CHECKING:
    from edgekit.scenes.chance import Chance
    from edgekit.scenes.sources import Sources

_SMALLEST_CROP = 48


def backdrop(sources: Sources, chance: Chance, side: int) -> Plane:
    """Return a background ``(side, side, 3)`` in 0..255: pieces of photographs, relit."""
    picture = resized(_crop(sources, chance), (side, side))
    if chance.yes(0.3):
        ramp = np.linspace(0, 1, side, dtype=np.float32).reshape((1, side, 1))
        share = ramp if chance.yes(0.5) else ramp.transpose(1, 0, 2)
        picture = picture * (1 - share) + resized(_crop(sources, chance), (side, side)) * share
    gain = np.array([chance.between(0.7, 1.3) for _ in range(3)], np.float32)
    contrast, brightness = chance.between(0.3, 1.0), chance.between(-40, 40)
    middle = float(picture.mean(dtype=np.float64))
    # In float64 by name: versions of NumPy differ in what float32 and a number make.
    coloured = (picture * gain).astype(np.float64)
    lit: Plane = ((coloured - middle) * contrast + middle + brightness).astype(np.float32)
    return np.clip(lit, np.float32(0), np.float32(255))


def clutter_mask(sources: Sources, chance: Chance) -> Plane:
    """Return the opacity mask of one thing that is no digit."""
    kind = chance.one_of((_scrambled, _scrambled, _bar, _zigzag, _blot))
    return kind(sources, chance)


def _crop(sources: Sources, chance: Chance) -> Plane:
    region = chance.one_of(sources.regions)
    height = round(chance.log_between(_SMALLEST_CROP, region.shape[0]))
    width = round(chance.log_between(_SMALLEST_CROP, region.shape[1]))
    top = chance.below(region.shape[0] - height + 1)
    left = chance.below(region.shape[1] - width + 1)
    piece = region[top : top + height, left : left + width]
    if chance.yes(0.5):
        piece = piece[:, ::-1]
    return piece.transpose(1, 0, 2) if chance.yes(0.25) else piece


def _scrambled(sources: Sources, chance: Chance) -> Plane:
    """Return strokes of a real digit in an order that is none: its quarters moved and turned."""
    cell = sources.cells[chance.below(len(sources.cells))]
    quarters = [cell[:4, :4], cell[:4, 4:], cell[4:, :4], cell[4:, 4:]]
    order = [2, 3, 0, 1] if chance.yes(0.5) else [3, 0, 1, 2]
    moved = [np.rot90(quarters[i], 1 + chance.below(3)) for i in order]
    return _posed_anyhow(stroke_mask(np.block([moved[:2], moved[2:]])), chance)


def _bar(sources: Sources, chance: Chance) -> Plane:  # noqa: ARG001
    mask = np.zeros((80, 80), np.float32)
    thickness = 1 + chance.below(3)
    mask[10:70, 40 - thickness : 40 + thickness] = 1
    # Long beyond any 1: a line that runs through the scene.
    return posed(mask, Pose(chance.log_between(150, 400), degrees=chance.between(0, 180)))


def _zigzag(sources: Sources, chance: Chance) -> Plane:  # noqa: ARG001
    cell = np.zeros((8, 8), np.float32)
    for column in range(8):
        row = 2 + (column + chance.below(2)) % 4
        cell[row : row + 1 + chance.below(2), column] = 1
    return _posed_anyhow(stroke_mask(cell), chance)


def _blot(sources: Sources, chance: Chance) -> Plane:  # noqa: ARG001
    grain = (chance.noise((8, 8), 8).astype(np.float32) + np.float32(8)) / np.float32(16)
    grain[[0, -1]] = 0
    grain[:, [0, -1]] = 0
    return _posed_anyhow(stroke_mask(blurred(grain, 1)), chance)


def _posed_anyhow(mask: Plane, chance: Chance) -> Plane:
    pose = Pose(
        height_px=chance.log_between(14, 110),
        aspect=chance.between(0.7, 1.3),
        degrees=chance.between(0, 360),
    )
    return posed(mask, pose)
