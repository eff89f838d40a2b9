"""Train the detector of blood cells. Interrupted, it goes on where it was.

    python examples/bccd/train.py --data BCCD --work build/bccd

An hour on one processor core, minutes on a GPU. Needs the extra ``torch``, and the data set
(https://github.com/Shenggan/BCCD_Dataset, MIT): its folder with ``Annotations`` in it.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from edgekit.nets.networks.repvgg_detector import RepVggDetector, RepVggDetectorOptions
from examples.bccd.cells import Cells, View, load_cells, random_view
from examples.training.assign import Objects
from examples.training.loop import SEED, Batch, Settings, Training

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

OPTIONS = RepVggDetectorOptions(classes=3, stem=16, widths=(32, 64, 96, 128), neck=48)
EPOCHS, VIEWS, BATCH = 20, 2048, 16
# The last epochs see whole images only, as the detector will.
MOSAIC_EPOCHS = 0.8


def main() -> None:
    """Train; leave the averaged weights of each epoch and ``curve.json`` in the work folder."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="the folder with Annotations")
    parser.add_argument("--work", type=Path, default=Path("build/bccd"))
    parser.add_argument("--epochs", type=int, default=EPOCHS, help=f"of {VIEWS} views each")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--stop-after", type=int, help="end early, after this many epochs")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    cv2.setNumThreads(1)
    torch.manual_seed(SEED)
    settings = Settings(arguments.work, arguments.epochs, arguments.device, arguments.stop_after)
    batches = CellBatches(load_cells(arguments.data, "train"), VIEWS, arguments.epochs)
    Training(settings, RepVggDetector(OPTIONS), batches).run()


@dataclass(frozen=True, eq=False)
class CellBatches:
    """Random views of the training images.

    Attributes:
        cells: What they are views of.
        views: In one epoch.
        epochs: In the run.
    """

    cells: Cells
    views: int
    epochs: int

    @property
    def count(self) -> int:
        """Batches of one epoch."""
        return self.views // BATCH

    def of(self, epoch: int) -> Iterator[Batch]:
        """Give the batches of an epoch, which alone decides what they hold."""
        rng = np.random.default_rng((SEED, epoch))
        images = len(self.cells.images)
        passes = -(-self.views // images)
        order = np.concatenate([rng.permutation(images) for _ in range(passes)])
        mosaic = epoch < MOSAIC_EPOCHS * self.epochs
        for at in range(self.count):
            chosen = order[at * BATCH : (at + 1) * BATCH]
            views = [random_view(self.cells, int(i), rng, mosaic=mosaic) for i in chosen]
            yield Batch(recoloured(views, rng), objects_of(views))


def objects_of(views: list[View]) -> Objects:
    """Return the labels of ``views``, padded to the most that one has, or to one."""
    most = max(1, *(len(view.labels) for view in views))
    padded = np.full((len(views), most, 5), -1, np.float32)
    for row, view in zip(padded, views, strict=True):
        row[: len(view.labels)] = view.labels
    labels = torch.from_numpy(padded)
    real = labels[..., 0] >= 0
    xyxy = labels[..., 1:] * real[..., None]
    return Objects(xyxy, labels[..., 0].long().clamp(min=0), real)


def recoloured(views: list[View], rng: np.random.Generator) -> Tensor:
    """Return ``(N, 3, H, W)`` in 0..1 with brightness, contrast and balance changed at random."""
    planes = np.stack([view.pixels for view in views])
    batch = torch.from_numpy(planes).permute(0, 3, 1, 2).float() / 255
    contrast = rng.uniform(0.75, 1.25, (len(views), 1, 1, 1))
    gain = torch.from_numpy(contrast * rng.uniform(0.92, 1.08, (len(views), 3, 1, 1))).float()
    offset = torch.from_numpy(rng.uniform(-0.1, 0.1, (len(views), 1, 1, 1))).float()
    return ((batch - 0.5) * gain + 0.5 + offset).clamp(0, 1).contiguous()


if __name__ == "__main__":
    main()
