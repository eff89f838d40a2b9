"""What training makes small: wrong classes, boxes that miss, distributions that are off."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

from edgekit.nets.networks.repvgg_detector import boxes_xyxy
from examples.training.assign import Objects, assign

if TYPE_CHECKING:
    from edgekit.nets.networks.repvgg_detector import Maps

CLASS_WEIGHT, BOX_WEIGHT, DISTANCE_WEIGHT = 1.0, 5.0, 1.0


def detection_loss(maps: Maps, centres: Tensor, strides: Tensor, objects: Objects) -> Tensor:
    """Return the loss of one batch, a scalar.

    Args:
        maps: What the network says.
        centres: ``(A, 2)`` of the places, in pixels.
        strides: ``(A, 1)``.
        objects: The labels.

    Source:
        Li et al., "Generalized Focal Loss" (NeurIPS 2020), equations 5 and 6, for the
        distributions; Rezatofighi et al., "Generalized IoU" (CVPR 2019) for the boxes.
    """
    boxes = boxes_xyxy(maps.distances, centres, strides)
    assigned = assign(maps.logits.sigmoid(), boxes, centres, objects)
    total = assigned.scores.sum().clamp(min=1.0)
    classes = functional.binary_cross_entropy_with_logits(
        maps.logits, assigned.scores, reduction="sum"
    )
    positive = assigned.positive
    weight = assigned.scores.sum(-1)[positive]
    wanted = assigned.xyxy[positive]
    missed = (1 - generalized_iou(boxes[positive], wanted)) * weight
    at = centres.expand(len(boxes), -1, -1)[positive]
    unit = strides.expand(len(boxes), -1, -1)[positive]
    sides = torch.cat([at - wanted[:, :2], wanted[:, 2:] - at], -1) / unit
    off = distribution_loss(maps.distances[positive], sides) * weight
    weighted = CLASS_WEIGHT * classes + BOX_WEIGHT * missed.sum() + DISTANCE_WEIGHT * off.sum()
    return weighted / total


def generalized_iou(a_xyxy: Tensor, b_xyxy: Tensor) -> Tensor:
    """Return the generalized IoU ``(P,)``, -1 to 1, of boxes ``(P, 4)`` in pairs."""
    low = torch.maximum(a_xyxy[:, :2], b_xyxy[:, :2])
    high = torch.minimum(a_xyxy[:, 2:], b_xyxy[:, 2:])
    common = (high - low).clamp(min=0).prod(-1)
    union = _area(a_xyxy) + _area(b_xyxy) - common
    outer_low = torch.minimum(a_xyxy[:, :2], b_xyxy[:, :2])
    outer_high = torch.maximum(a_xyxy[:, 2:], b_xyxy[:, 2:])
    hull = (outer_high - outer_low).prod(-1).clamp(min=1e-6)
    return common / union.clamp(min=1e-6) - (hull - union) / hull


def distribution_loss(distances: Tensor, sides: Tensor) -> Tensor:
    """Return, per box ``(P,)``, how little lies on the two bins around each true side.

    Args:
        distances: ``(P, 4, bins)`` unnormalised.
        sides: ``(P, 4)`` true distances in strides.
    """
    bins = distances.shape[-1]
    sides = sides.clamp(0, bins - 1.01)
    below = sides.floor()
    share = sides - below
    log_share = distances.log_softmax(-1)
    lower = log_share.gather(-1, below.long()[..., None]).squeeze(-1)
    upper = log_share.gather(-1, below.long()[..., None] + 1).squeeze(-1)
    return -(lower * (1 - share) + upper * share).mean(-1)


def _area(xyxy: Tensor) -> Tensor:
    return (xyxy[:, 2:] - xyxy[:, :2]).clamp(min=0).prod(-1)
