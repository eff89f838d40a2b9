"""Train the digit detector that ships with edgekit. Interrupted, it goes on where it was.

    python examples/digits/train.py --work build/digits

About an hour on two processor cores, minutes on a GPU. Needs the extras ``torch`` and ``demo``.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from assign import Objects
from loss import detection_loss
from scenes_on_disk import SceneArray, load_scenes
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from edgekit.nets.networks.repvgg_detector import Maps, RepVggDetector, places

if TYPE_CHECKING:
    from torch import Tensor

SEED = 0
BATCH = 32
PEAK_LEARNING_RATE = 2e-3
WEIGHT_DECAY = 0.02
WARM_UP = 0.03
EMA_DECAY = 0.998
LARGEST_GRADIENT = 10.0


@dataclass(frozen=True)
class Settings:
    """How long and where to train."""

    work: Path
    scenes: int
    epochs: int
    device: str
    stop_after: int | None


def main() -> None:
    """Train; leave the averaged weights of each epoch and ``curve.json`` in the work folder."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--work", type=Path, default=Path("build/digits"))
    parser.add_argument("--scenes", type=int, default=16_000, help="training scenes")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--stop-after", type=int, help="end early, after this many epochs")
    settings = Settings(**vars(parser.parse_args()))
    settings.work.mkdir(parents=True, exist_ok=True)
    scenes = load_scenes(settings.work, "train", settings.scenes, workers=2)
    Training(settings, scenes).run()


class Training:
    """The state of a training run; saved after every epoch."""

    def __init__(self, settings: Settings, scenes: SceneArray) -> None:
        self.settings = settings
        self.scenes = scenes
        self.steps = settings.epochs * (len(scenes.images) // BATCH)
        torch.manual_seed(SEED)
        self.model = RepVggDetector().to(settings.device)
        self.average = AveragedModel(
            self.model, multi_avg_fn=get_ema_multi_avg_fn(EMA_DECAY), use_buffers=True
        )
        self.optimizer = torch.optim.AdamW(_parameter_groups(self.model), PEAK_LEARNING_RATE)
        self.epoch = 0
        self.curve: list[dict[str, float]] = []
        self._resume()

    def run(self) -> None:
        """Train until the last epoch."""
        last = self.settings.epochs
        if self.settings.stop_after is not None:
            last = min(last, self.settings.stop_after)
        while self.epoch < last:
            started = time.monotonic()
            loss = self._one_epoch()
            self.epoch += 1
            seconds = time.monotonic() - started
            self.curve.append({"epoch": self.epoch, "loss": loss, "seconds": round(seconds, 1)})
            print(f"epoch {self.epoch}/{last}  loss {loss:.4f}  {seconds:.0f} s", flush=True)
            self._save()

    def _one_epoch(self) -> float:
        # Both follow from the epoch alone, so that a resumed run sees what an unbroken one sees.
        rng = np.random.default_rng((SEED, self.epoch))
        order = rng.permutation(len(self.scenes.images))
        batches = len(order) // BATCH
        losses = []
        self.model.train()
        for at in range(batches):
            chosen = np.sort(order[at * BATCH : (at + 1) * BATCH])
            for group in self.optimizer.param_groups:
                group["lr"] = _learning_rate((self.epoch * batches + at) / self.steps)
            losses.append(self._step(chosen, rng))
        return float(np.mean(losses))

    def _step(self, chosen: np.ndarray, rng: np.random.Generator) -> float:
        device = self.settings.device
        image = _recoloured(self.scenes.images[chosen], rng).to(device)
        objects = self.scenes.objects(chosen)
        objects = Objects(*(t.to(device) for t in (objects.xyxy, objects.classes, objects.real)))
        with torch.autocast(torch.device(device).type, torch.bfloat16):
            features = self.model.features(image)
            maps = self.model.maps(features)
        centres, strides = places([f.shape[-2:] for f in features], image)
        exact = Maps(maps.logits.float(), maps.distances.float())
        loss = detection_loss(exact, centres, strides, objects)
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), LARGEST_GRADIENT)
        self.optimizer.step()
        self.average.update_parameters(self.model)
        return float(loss.detach())

    def _save(self) -> None:
        work = self.settings.work
        torch.save(self.average.module.state_dict(), work / f"epoch-{self.epoch:02}.pt")
        (work / "curve.json").write_text(json.dumps(self.curve, indent=1) + "\n")
        state = {
            "epoch": self.epoch,
            "curve": self.curve,
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }
        torch.save(state, work / "checkpoint.new")
        (work / "checkpoint.new").replace(work / "checkpoint.pt")

    def _resume(self) -> None:
        saved = self.settings.work / "checkpoint.pt"
        if not saved.exists():
            return
        state = torch.load(saved, map_location=self.settings.device, weights_only=True)
        self.epoch, self.curve = state["epoch"], state["curve"]
        self.model.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])


def _parameter_groups(model: torch.nn.Module) -> list[dict[str, object]]:
    """Return kernels, which decay, apart from biases and statistics, which do not."""
    kernels = [p for p in model.parameters() if p.ndim > 1]
    others = [p for p in model.parameters() if p.ndim <= 1]
    return [
        {"params": kernels, "weight_decay": WEIGHT_DECAY},
        {"params": others, "weight_decay": 0.0},
    ]


def _learning_rate(done: float) -> float:
    """Return the rate after the share ``done`` of all steps: a warm-up, then half a cosine."""
    if done < WARM_UP:
        return PEAK_LEARNING_RATE * (done / WARM_UP)
    part = (done - WARM_UP) / (1 - WARM_UP)
    return PEAK_LEARNING_RATE * max(0.5 * (1 + math.cos(math.pi * part)), 0.005)


def _recoloured(images: np.ndarray, rng: np.random.Generator) -> Tensor:
    """Return ``(N, 3, H, W)`` in 0..1 with channels swapped, gain and offset changed at random."""
    planes = np.stack([image[..., rng.permutation(3)] for image in images])
    batch = torch.from_numpy(planes).permute(0, 3, 1, 2).float() / 255
    gain = torch.from_numpy(rng.uniform(0.7, 1.3, (len(images), 1, 1, 1))).float()
    offset = torch.from_numpy(rng.uniform(-0.1, 0.1, (len(images), 1, 1, 1))).float()
    return (batch * gain + offset).clamp(0, 1).contiguous()


if __name__ == "__main__":
    main()
