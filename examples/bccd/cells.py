"""The labelled images of one list of BCCD, decoded once, and views of them to train on."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from edgekit.images.read import read_image
from edgekit.images.voc import open_voc

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from edgekit.values import Dataset

CLASSES = ("Platelets", "RBC", "WBC")
SIDE = 320
GREY = 114
# The images are 640 x 480: letterboxed they are half as large.
LETTERBOX_SCALE = 0.5
LETTERBOX_SHARE, MOSAIC_SHARE = 0.25, 0.5
SINGLE_SCALES, MOSAIC_SCALES = (0.36, 0.75), (0.3, 0.65)
MOSAIC_CENTRE = (0.35, 0.65)
# What is left of a box that an edge cuts is an object as long as it is this much of it.
VISIBLE_SHARE, SMALLEST_SIDE_PX = 0.3, 4.0


class View(NamedTuple):
    """One image to train on.

    Attributes:
        pixels: ``(SIDE, SIDE, 3)`` u8 RGB.
        labels: ``(M, 5)`` class, left, top, right, bottom in pixels of the view.
    """

    pixels: NDArray[np.uint8]
    labels: NDArray[np.float32]


class _Window(NamedTuple):
    """A part of a scaled image: pixel ``p`` lies at ``p * scale - offset_xy``."""

    scale: float
    offset_xy: tuple[float, float]
    size_hw: tuple[int, int]


@dataclass(frozen=True, eq=False)
class Cells:
    """Images and labels in memory.

    Attributes:
        images: u8 RGB.
        labels: ``(M, 5)`` each: class, left, top, right, bottom in pixels of the image.
    """

    images: tuple[NDArray[np.uint8], ...]
    labels: tuple[NDArray[np.float32], ...]


def load_cells(folder: Path, split: str) -> Cells:
    """Return the images of the list ``split`` of the data set in ``folder``."""
    dataset = open_voc(folder, split)
    number = {category.id: CLASSES.index(category.name) for category in dataset.categories}
    images, labels = [], []
    for record in dataset.records:
        pixels, truth = read_image(record).pixels_rgb, record.truth
        if pixels is not None and truth is not None:
            classes = np.array([number[int(id_)] for id_ in truth.categories], np.float32)
            images.append(pixels)
            labels.append(np.column_stack([classes, truth.xyxy]).astype(np.float32))
    return Cells(tuple(images), tuple(labels))


def report_set(folder: Path) -> Dataset:
    """Return the images of the lists ``val`` and ``test``, none of which trains."""
    parts = [open_voc(folder, split) for split in ("val", "test")]
    records = [record for part in parts for record in part.records]
    numbered = tuple(replace(record, id=at) for at, record in enumerate(records, start=1))
    faults = Counter[str]()
    for part in parts:
        faults.update(part.faults)
    return replace(parts[0], name=f"{folder}#val+test", records=numbered, faults=dict(faults))


def random_view(cells: Cells, index: int, rng: np.random.Generator, *, mosaic: bool) -> View:
    """Return image ``index``, cut and scaled at random, or at times a mosaic that begins with it.

    Args:
        cells: What the other three images of a mosaic are drawn from too.
        index: Of the image.
        rng: Decides everything.
        mosaic: Whether mosaics occur.

    Source:
        Mosaics: Bochkovskiy et al., "YOLOv4" (2020), section 3.3.
    """
    if mosaic and rng.random() < MOSAIC_SHARE:
        view = _mosaic(cells, index, rng)
    elif rng.random() < LETTERBOX_SHARE:
        height, width = cells.images[index].shape[:2]
        middle = ((width * LETTERBOX_SCALE - SIDE) / 2, (height * LETTERBOX_SCALE - SIDE) / 2)
        view = _cut(cells, index, _Window(LETTERBOX_SCALE, middle, (SIDE, SIDE)))
    else:
        view = _cut(cells, index, _window(cells, index, (SIDE, SIDE), SINGLE_SCALES, rng))
    return turned(view, quarters=int(rng.integers(4)), mirrored=bool(rng.integers(2)))


def turned(view: View, *, quarters: int, mirrored: bool) -> View:
    """Return ``view`` turned left by ``quarters`` of a turn, then mirrored left to right or not."""
    pixels, labels = view.pixels, view.labels
    for _ in range(quarters):
        pixels = np.rot90(pixels)
        kind, left, top, right, bottom = labels.T
        labels = np.column_stack([kind, top, SIDE - right, bottom, SIDE - left])
    if mirrored:
        pixels = pixels[:, ::-1]
        kind, left, top, right, bottom = labels.T
        labels = np.column_stack([kind, SIDE - right, top, SIDE - left, bottom])
    return View(np.ascontiguousarray(pixels), labels)


def _mosaic(cells: Cells, index: int, rng: np.random.Generator) -> View:
    """Return four images around a point near the middle."""
    x, y = (int(SIDE * share) for share in rng.uniform(*MOSAIC_CENTRE, 2))
    corners = ((0, 0, y, x), (0, x, y, SIDE - x), (y, 0, SIDE - y, x), (y, x, SIDE - y, SIDE - x))
    chosen = [index, *rng.integers(len(cells.images), size=3)]
    pixels, labels = np.empty((SIDE, SIDE, 3), np.uint8), []
    for each, (top, left, height, width) in zip(chosen, corners, strict=True):
        window = _window(cells, each, (height, width), MOSAIC_SCALES, rng)
        part = _cut(cells, each, window)
        pixels[top : top + height, left : left + width] = part.pixels
        labels.append(part.labels + np.array([0, left, top, left, top], np.float32))
    return View(pixels, np.concatenate(labels))


def _window(
    cells: Cells,
    index: int,
    size_hw: tuple[int, int],
    scales: tuple[float, float],
    rng: np.random.Generator,
) -> _Window:
    """Return a window of ``size_hw`` at a random scale and place, in the image where it fits."""
    scale = float(np.exp(rng.uniform(*np.log(scales))))
    height, width = cells.images[index].shape[:2]
    free_xy = (width * scale - size_hw[1], height * scale - size_hw[0])
    offset_x, offset_y = (float(free * rng.random()) for free in free_xy)
    return _Window(scale, (offset_x, offset_y), size_hw)


def _cut(cells: Cells, index: int, window: _Window) -> View:
    """Return the window, grey where the image does not reach, and the objects in it."""
    (x, y), (height, width) = window.offset_xy, window.size_hw
    # Corners of pixels map by the scale; OpenCV maps their centres.
    half = 0.5 * window.scale - 0.5
    moved = np.array([[window.scale, 0, half - x], [0, window.scale, half - y]])
    pixels = cv2.warpAffine(
        cells.images[index], moved, (width, height), borderValue=(GREY, GREY, GREY)
    )
    labels = cells.labels[index]
    whole = labels[:, 1:] * window.scale - np.array([x, y, x, y], np.float32)
    seen = np.clip(whole, 0, np.array([width, height, width, height], np.float32))
    sides, sides_seen = whole[:, 2:] - whole[:, :2], seen[:, 2:] - seen[:, :2]
    kept = (sides_seen > SMALLEST_SIDE_PX).all(1)
    kept &= sides_seen.prod(1) > VISIBLE_SHARE * sides.prod(1)
    return View(np.asarray(pixels, np.uint8), np.column_stack([labels[:, 0], seen])[kept])
