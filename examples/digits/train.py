"""Train the digit detector that ships with edgekit. Interrupted, it goes on where it was.

    python examples/digits/train.py --work build/digits

About an hour on two processor cores, minutes on a GPU. Needs the extras ``torch`` and ``demo``.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from edgekit.nets.networks.repvgg_detector import RepVggDetector
from examples.digits.scenes_on_disk import SceneArray, load_scenes
from examples.training.loop import SEED, Batch, Settings, Training

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

BATCH = 32


def main() -> None:
    """Train; leave the averaged weights of each epoch and ``curve.json`` in the work folder."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--work", type=Path, default=Path("build/digits"))
    parser.add_argument("--scenes", type=int, default=16_000, help="training scenes")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--stop-after", type=int, help="end early, after this many epochs")
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    scenes = load_scenes(arguments.work, "train", arguments.scenes, workers=2)
    settings = Settings(arguments.work, arguments.epochs, arguments.device, arguments.stop_after)
    training_of(settings, scenes).run()


def training_of(settings: Settings, scenes: SceneArray) -> Training:
    """Return a run over ``scenes``, at its beginning or where it was interrupted."""
    torch.manual_seed(SEED)
    return Training(settings, RepVggDetector(), SceneBatches(scenes))


@dataclass(frozen=True, eq=False)
class SceneBatches:
    """The training scenes in random order and colours."""

    scenes: SceneArray

    @property
    def count(self) -> int:
        """Batches of one epoch."""
        return len(self.scenes.images) // BATCH

    def of(self, epoch: int) -> Iterator[Batch]:
        """Give the batches of an epoch, which alone decides what they hold."""
        rng = np.random.default_rng((SEED, epoch))
        order = rng.permutation(len(self.scenes.images))
        for at in range(self.count):
            chosen = np.sort(order[at * BATCH : (at + 1) * BATCH])
            images = _recoloured(self.scenes.images[chosen], rng)
            yield Batch(images, self.scenes.objects(chosen))


def _recoloured(images: np.ndarray, rng: np.random.Generator) -> Tensor:
    """Return ``(N, 3, H, W)`` in 0..1 with channels swapped, gain and offset changed at random."""
    planes = np.stack([image[..., rng.permutation(3)] for image in images])
    batch = torch.from_numpy(planes).permute(0, 3, 1, 2).float() / 255
    gain = torch.from_numpy(rng.uniform(0.7, 1.3, (len(images), 1, 1, 1))).float()
    offset = torch.from_numpy(rng.uniform(-0.1, 0.1, (len(images), 1, 1, 1))).float()
    return (batch * gain + offset).clamp(0, 1).contiguous()


if __name__ == "__main__":
    main()
