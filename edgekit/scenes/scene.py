"""One scene: a picture with handwritten digits in it, and the box of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from edgekit.scenes.backdrop import backdrop, clutter_mask
from edgekit.scenes.chance import Chance
from edgekit.scenes.raster import Box, Plane, Pose, blurred, ink_box, posed
from edgekit.scenes.sources import Sources, Split, sources, stroke_mask

if TYPE_CHECKING:
    from edgekit.values import Pixels

SIDE = 256
MOST_DIGITS = 8
MOST_OVERLAP_IOU = 0.5
INK = 0.5
_SMALLEST_PX, _LARGEST_PX = 22.0, 200.0
_TRIES = 12
_FAINT = 0.15
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


@dataclass(frozen=True, eq=False)
class Scene:
    """A rendered picture and what is in it.

    Attributes:
        image: ``(SIDE, SIDE, 3)`` u8 RGB.
        boxes: Around the ink of each digit, hidden parts included, in drawing order.
        classes: Which digit is in each box.
        digits: Which of scikit-learn's digits it is.
    """

    image: Pixels
    boxes: tuple[Box, ...]
    classes: tuple[int, ...]
    digits: tuple[int, ...]


def render_scene(split: Split, index: int, seed: int = 0) -> Scene:
    """Return scene number ``index`` of ``split``; the same pixels whenever and wherever asked.

    Raises:
        MissingExtraError: scikit-learn is not installed.
    """
    chance = Chance("scene", split, seed, index)
    real = sources(split)
    picture = backdrop(real, chance, SIDE)
    for _ in range(chance.below(6)):
        _draw_clutter(picture, real, chance)
    placed: list[_Placed] = []
    for _ in range(0 if chance.yes(0.08) else 1 + chance.below(MOST_DIGITS)):
        digit = _placed(real, chance, [p.box for p in placed])
        if digit is not None:
            placed.append(digit)
            _paint(picture, digit.mask, digit.box, _colour(picture, digit.box, chance), chance)
    for _ in range(chance.below(3) if chance.yes(0.3) else 0):
        _draw_clutter(picture, real, chance, largest_opacity=0.6)
    return Scene(
        image=_developed(picture, chance),
        boxes=tuple(p.box for p in placed),
        classes=tuple(int(real.classes[p.member]) for p in placed),
        digits=tuple(int(real.digits[p.member]) for p in placed),
    )


@dataclass(frozen=True, eq=False)
class _Placed:
    """A digit on its place: ``mask`` is its opacity, as large as ``box``."""

    member: int
    mask: Plane
    box: Box


def _placed(real: Sources, chance: Chance, others: list[Box]) -> _Placed | None:
    """Return a digit where it hides no other one, or ``None`` where no room was found."""
    member = chance.below(len(real.cells))
    pose = Pose(
        height_px=chance.log_between(_SMALLEST_PX, _LARGEST_PX),
        aspect=chance.between(0.75, 1.3),
        shear=chance.between(-0.25, 0.25),
        degrees=chance.between(-30, 30),
    )
    mask = posed(stroke_mask(real.cells[member]), pose)
    ink = ink_box(mask, INK)
    if ink is None or ink.right - ink.left > SIDE or ink.bottom - ink.top > SIDE:
        return None
    mask = mask[ink.window]
    near = chance.one_of(others) if others and chance.yes(0.35) else None
    for _ in range(_TRIES):
        box = _somewhere(mask.shape, chance, near)
        if all(_may_share(box, other) for other in others):
            return _Placed(member, mask, box)
    return None


def _somewhere(shape: tuple[int, ...], chance: Chance, near: Box | None) -> Box:
    height, width = shape
    left, top = chance.below(SIDE - width + 1), chance.below(SIDE - height + 1)
    if near is not None:
        left = near.left + round(chance.between(-width, near.right - near.left))
        top = near.top + round(chance.between(-height, near.bottom - near.top))
        left, top = min(max(left, 0), SIDE - width), min(max(top, 0), SIDE - height)
    return Box(left, top, left + width, top + height)


def _may_share(box: Box, other: Box) -> bool:
    """Return whether both can be told apart: little IoU, and neither mostly inside the other."""
    if box.iou(other) > MOST_OVERLAP_IOU:
        return False
    return box.common_area(other) <= 0.7 * min(box.area, other.area)


def _colour(picture: Plane, box: Box, chance: Chance) -> Plane:
    """Return an ink colour that stands out from what is behind it, if only a little."""
    behind = picture[box.window].mean(axis=(0, 1), dtype=np.float64)
    if chance.yes(_FAINT):
        lighter = bool(behind.mean() < 128)
        step = chance.between(18, 45) * (1 if lighter else -1)
        tint = np.array([chance.between(-8, 8) for _ in range(3)])
        faint: Plane = np.clip(behind + step + tint, 0, 255).astype(np.float32)
        return faint
    contrast = chance.between(35, 100)
    for _ in range(_TRIES):
        colour = np.array([chance.between(0, 255) for _ in range(3)], np.float32)
        if abs(float((colour - behind) @ _LUMA)) >= contrast:
            return colour
    return np.full(3, 255.0 if behind @ _LUMA < 128 else 0.0, np.float32)


def _draw_clutter(
    picture: Plane, real: Sources, chance: Chance, largest_opacity: float = 1.0
) -> None:
    mask = clutter_mask(real, chance)
    height, width = mask.shape
    left = chance.below(SIDE + width) - width
    top = chance.below(SIDE + height) - height
    inside = Box(max(left, 0), max(top, 0), min(left + width, SIDE), min(top + height, SIDE))
    if inside.right <= inside.left or inside.bottom <= inside.top:
        return
    part = mask[inside.top - top : inside.bottom - top, inside.left - left : inside.right - left]
    colour = np.array([chance.between(0, 255) for _ in range(3)], np.float32)
    _paint(picture, part * np.float32(largest_opacity), inside, colour, chance)


def _paint(picture: Plane, mask: Plane, box: Box, colour: Plane, chance: Chance) -> None:
    """Lay ``colour`` over ``picture`` where ``mask`` says, softened and let through at random."""
    height = box.bottom - box.top
    soft = blurred(mask, chance.below(1 + min(height // 16, 4)))
    opacity = (soft * np.float32(chance.between(0.6, 1.0)))[..., None]
    picture[box.window] = picture[box.window] * (1 - opacity) + colour * opacity


def _developed(picture: Plane, chance: Chance) -> Pixels:
    """Return ``picture`` as a camera gives it: out of focus at times, with noise, in u8."""
    soft = blurred(picture, chance.one_of((0, 0, 1, 2)))
    noisy = soft + chance.noise(soft.shape, chance.one_of((2, 6, 14)))
    developed: Pixels = np.clip(np.floor(noisy + 0.5), 0, 255).astype(np.uint8)
    return developed
