"""Training scenes, rendered once and read as one array."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch

from edgekit.scenes.scene import MOST_DIGITS, SIDE, render_scene
from examples.training.assign import Objects

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from edgekit.scenes.sources import Split

_CHUNK = 64


@dataclass(frozen=True, eq=False)
class SceneArray:
    """Scenes as arrays.

    Attributes:
        images: ``(S, SIDE, SIDE, 3)`` u8 RGB.
        labels: ``(S, MOST_DIGITS, 5)`` class then left, top, right, bottom; class -1 is padding.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.float32]

    def objects(self, chosen: NDArray[np.int64]) -> Objects:
        """Return the labels of the ``chosen`` scenes."""
        labels = torch.from_numpy(self.labels[chosen])
        real = labels[..., 0] >= 0
        return Objects(labels[..., 1:], labels[..., 0].long().clamp(min=0), real)


def load_scenes(folder: Path, split: Split, count: int, workers: int) -> SceneArray:
    """Return ``count`` scenes of ``split``, rendered into ``folder`` where they are not yet."""
    images_file = folder / f"{split}-{count}.npy"
    labels_file = folder / f"{split}-{count}-labels.npy"
    if not labels_file.exists():
        shape = (count, SIDE, SIDE, 3)
        images = np.lib.format.open_memmap(images_file, mode="w+", dtype=np.uint8, shape=shape)
        labels = np.full((count, MOST_DIGITS, 5), -1, np.float32)
        with ProcessPoolExecutor(workers) as pool:
            rendered = pool.map(partial(_rendered, split), range(count), chunksize=_CHUNK)
            for index, (image, rows) in enumerate(rendered):
                images[index] = image
                labels[index, : len(rows)] = rows
        images.flush()
        np.save(labels_file, labels)
    return SceneArray(np.load(images_file, mmap_mode="r"), np.load(labels_file))


def _rendered(split: Split, index: int) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    scene = render_scene(split, index)
    rows = [
        (digit, box.left, box.top, box.right, box.bottom)
        for digit, box in zip(scene.classes, scene.boxes, strict=True)
    ]
    return scene.image, np.array(rows, np.float32).reshape(-1, 5)
