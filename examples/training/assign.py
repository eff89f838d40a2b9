"""Which place of the network answers for which object while it is trained."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

CANDIDATES = 10
SCORE_POWER, IOU_POWER = 0.5, 6.0
# A box narrower than this still finds the centre of a place of stride 8 in it.
SMALLEST_SIDE_PX = 16.0


@dataclass(frozen=True, eq=False)
class Objects:
    """The labels of a batch, padded to the same number per image.

    Attributes:
        xyxy: ``(N, M, 4)`` in pixels.
        classes: ``(N, M)``.
        real: ``(N, M)`` false where an entry is padding.
    """

    xyxy: Tensor
    classes: Tensor
    real: Tensor


@dataclass(frozen=True, eq=False)
class Assigned:
    """What each place should say.

    Attributes:
        positive: ``(N, A)`` whether it answers for an object.
        xyxy: ``(N, A, 4)`` that object's box.
        scores: ``(N, A, K)`` the score each class should have: how well the place does already.
    """

    positive: Tensor
    xyxy: Tensor
    scores: Tensor


@torch.no_grad()
def assign(scores: Tensor, boxes_xyxy: Tensor, centres: Tensor, objects: Objects) -> Assigned:
    """Return what each place should say, given what it says.

    Args:
        scores: ``(N, A, K)`` in 0..1.
        boxes_xyxy: ``(N, A, 4)`` as predicted.
        centres: ``(A, 2)`` of the places, in pixels.
        objects: The labels.

    Source:
        Feng et al., "TOOD: Task-aligned One-stage Object Detection" (ICCV 2021), section 3.2.
    """
    ious = pairwise_iou(objects.xyxy, boxes_xyxy)
    of_class = scores.transpose(1, 2).gather(
        1, objects.classes[..., None].expand(-1, -1, scores.shape[1])
    )
    allowed = _inside(centres, objects.xyxy) & objects.real[..., None]
    aligned = of_class.pow(SCORE_POWER) * ious.pow(IOU_POWER)
    # An untrained network overlaps nothing: the nearest places come first then.
    near = 1e-9 / (1 + _distance(centres, objects.xyxy))
    rank = torch.where(allowed, aligned + near, torch.zeros_like(aligned))
    floor = rank.topk(min(CANDIDATES, rank.shape[-1]), dim=-1).values[..., -1:]
    chosen = (rank >= floor) & (rank > 0)
    best = torch.where(chosen, rank, torch.zeros_like(rank)).max(dim=1)
    positive, owner = best.values > 0, best.indices
    xyxy = objects.xyxy.gather(1, owner[..., None].expand(-1, -1, 4))
    classes = objects.classes.gather(1, owner)
    quality = _normalised(aligned, ious, chosen).gather(1, owner[:, None]).squeeze(1)
    target = torch.zeros_like(scores)
    target.scatter_(2, classes[..., None], (quality * positive)[..., None])
    return Assigned(positive, xyxy, target)


def pairwise_iou(a_xyxy: Tensor, b_xyxy: Tensor) -> Tensor:
    """Return intersection over union ``(N, M, A)`` of ``(N, M, 4)`` and ``(N, A, 4)``."""
    a, b = a_xyxy[:, :, None], b_xyxy[:, None]
    low, high = torch.maximum(a[..., :2], b[..., :2]), torch.minimum(a[..., 2:], b[..., 2:])
    common = (high - low).clamp(min=0).prod(-1)
    areas = (a[..., 2:] - a[..., :2]).prod(-1) + (b[..., 2:] - b[..., :2]).clamp(min=0).prod(-1)
    return common / (areas - common).clamp(min=1e-6)


def _normalised(aligned: Tensor, ious: Tensor, chosen: Tensor) -> Tensor:
    """Return ``aligned`` scaled so that an object's best place gets its best IoU."""
    zero = torch.zeros_like(aligned)
    top = torch.where(chosen, aligned, zero).amax(-1, keepdim=True)
    best_iou = torch.where(chosen, ious, zero).amax(-1, keepdim=True)
    return aligned / top.clamp(min=1e-9) * best_iou


def _inside(centres: Tensor, xyxy: Tensor) -> Tensor:
    half = ((xyxy[..., 2:] - xyxy[..., :2]) / 2).clamp(min=SMALLEST_SIDE_PX / 2)
    offset = (centres - _middle(xyxy)[:, :, None]).abs()
    return (offset <= half[:, :, None]).all(-1)


def _distance(centres: Tensor, xyxy: Tensor) -> Tensor:
    return (centres - _middle(xyxy)[:, :, None]).norm(dim=-1)


def _middle(xyxy: Tensor) -> Tensor:
    return (xyxy[..., :2] + xyxy[..., 2:]) / 2
