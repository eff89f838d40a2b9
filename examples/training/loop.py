"""A training run of the small detector that goes on where it was, if it was interrupted."""

from __future__ import annotations

import json
import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from edgekit.nets.networks.repvgg_detector import Maps, places
from examples.training.assign import Objects
from examples.training.loss import detection_loss

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from torch import Tensor

    from edgekit.nets.networks.repvgg_detector import RepVggDetector

SEED = 0
PEAK_LEARNING_RATE = 2e-3
WEIGHT_DECAY = 0.02
WARM_UP = 0.03
EMA_DECAY = 0.998
LARGEST_GRADIENT = 10.0


@dataclass(frozen=True)
class Settings:
    """How long and where to train.

    Attributes:
        work: Folder for the weights of each epoch, the curve and the checkpoint.
        epochs: The learning rate falls over all of them.
        device: As torch names it.
        stop_after: End early, after this many epochs.
    """

    work: Path
    epochs: int
    device: str
    stop_after: int | None = None


class Batch(NamedTuple):
    """What one step learns from: images ``(N, 3, H, W)`` in 0..1, and their labels."""

    images: Tensor
    objects: Objects


class Batches(Protocol):
    """The training set: an epoch has the same batches in an unbroken run and in a resumed one."""

    @property
    def count(self) -> int:
        """Batches of one epoch."""
        ...

    def of(self, epoch: int) -> Iterator[Batch]:
        """Give the batches of an epoch, counted from 0."""
        ...


class Training:
    """The state of a training run; saved after every epoch."""

    def __init__(self, settings: Settings, model: RepVggDetector, batches: Batches) -> None:
        settings.work.mkdir(parents=True, exist_ok=True)
        self.settings = settings
        self.batches = batches
        self.model = model.to(settings.device)
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
        losses = []
        steps = self.settings.epochs * self.batches.count
        self.model.train()
        for at, batch in enumerate(self.batches.of(self.epoch)):
            for group in self.optimizer.param_groups:
                group["lr"] = _learning_rate((self.epoch * self.batches.count + at) / steps)
            losses.append(self._step(batch))
        return float(np.mean(losses))

    def _step(self, batch: Batch) -> float:
        device = self.settings.device
        image, objects = batch.images.to(device), batch.objects
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


def _parameter_groups(model: torch.nn.Module) -> list[dict[str, Any]]:
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
