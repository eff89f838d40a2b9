"""How often the audit takes two pictures for one, and how often it finds a changed copy.

Usage: python benchmarks/near_duplicates.py

Compares all pairs of images of three sets, each of its own: photographs (coco-train-mini), blood
cells under a microscope (bccd), and the digit scenes that edgekit draws, which share backdrops; and
every photograph with changed copies of itself. Needs the folder EDGEKIT_DATA.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edgekit.config.calibration import open_source
from edgekit.images.read import read_image
from edgekit.images.similar import SeenImages, fingerprint

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from cases import DATA  # noqa: E402
from committed import commit  # noqa: E402  (a sibling script)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from edgekit.images.similar import Fingerprint

RESULT = HERE / "results" / "near_duplicates.json"
SETS = {
    "photographs": str(DATA / "coco-train-mini" / "images"),
    "blood cells": str(DATA / "bccd"),
    "digit scenes": "digits-eval",
}
Picture = NDArray[np.uint8]


def main() -> None:
    """Compare, and write the result."""
    result = {
        "commit": commit(),
        "sets": {name: pairs(source) for name, source in SETS.items()},
        "copies": copies(SETS["photographs"]),
    }
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=1))


def pairs(source: str) -> dict[str, Any]:
    """Return how many pairs of images are taken for one picture, and which."""
    prints = {name: fingerprint(pixels) for name, pixels in pictures(source)}
    names = list(prints)
    alike = [
        f"{first} and {second}"
        for i, first in enumerate(names)
        for second in names[i + 1 :]
        if same(prints[first], prints[second])
    ]
    return {"images": len(names), "pairs": len(names) * (len(names) - 1) // 2, "alike": alike}


def copies(source: str) -> dict[str, float]:
    """Return, for every change, the share of changed copies that are known for their original."""
    found = dict.fromkeys(CHANGES, 0)
    count = 0
    for _, pixels in pictures(source):
        count += 1
        original = fingerprint(pixels)
        for name, change in CHANGES.items():
            found[name] += same(original, fingerprint(np.ascontiguousarray(change(pixels))))
    return {name: round(number / count, 4) for name, number in found.items()}


def pictures(source: str) -> Iterator[tuple[str, Picture]]:
    """Yield name and pixels of every image that can be read."""
    for record in open_source(source).records:
        pixels = read_image(record).pixels_rgb
        if pixels is not None:
            yield record.path.name, pixels


def same(first: Fingerprint, second: Fingerprint) -> bool:
    """Return whether the audit takes the two for one picture."""
    known = SeenImages(1)
    known.add(first)
    return known.first_like(second) is not None


def jpeg(pixels: Picture) -> Picture:
    """Return the image saved at quality 30 and read again."""
    data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 30])[1]
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)


def third(pixels: Picture) -> Picture:
    """Return the image at a third of its size."""
    return np.asarray(cv2.resize(pixels, None, fx=1 / 3, fy=1 / 3), np.uint8)


def brighter(pixels: Picture) -> Picture:
    """Return the image 30 levels brighter, cut off at white."""
    return np.clip(pixels.astype(np.int16) + 30, 0, 255).astype(np.uint8)


def noisy(pixels: Picture) -> Picture:
    """Return the image with noise of 10 levels."""
    noise = np.random.default_rng(0).normal(0, 10, pixels.shape)
    return np.clip(pixels + noise, 0, 255).astype(np.uint8)


def cropped(pixels: Picture, share: float) -> Picture:
    """Return the image without ``share`` of it on every side."""
    height, width = (round(side * share) for side in pixels.shape[:2])
    return pixels[height : pixels.shape[0] - height, width : pixels.shape[1] - width]


CHANGES: Mapping[str, Callable[[Picture], Picture]] = {
    "saved as JPEG of quality 30": jpeg,
    "a third of the size": third,
    "30 levels brighter": brighter,
    "noise of 10 levels": noisy,
    "cropped by 2 % on every side": lambda pixels: cropped(pixels, 0.02),
    "cropped by 5 % on every side": lambda pixels: cropped(pixels, 0.05),
    "mirrored": lambda pixels: pixels[:, ::-1],
}


if __name__ == "__main__":
    main()
