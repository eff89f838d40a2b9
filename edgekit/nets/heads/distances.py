"""The heads of YOLOv8 to YOLO11: distances to the four sides as distributions."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from edgekit.nets.heads.cells import centres_xy, strides_of


class Expectation(nn.Module):
    """The mean of each distribution over distances, as a 1 x 1 convolution over its bins.

    Source:
        Li et al., "Generalized Focal Loss" (NeurIPS 2020), section 3.2.
    """

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        self.conv = conv

    def forward(self, x: Tensor) -> Tensor:
        """Return ``(N, 4, A)`` for ``(N, 4 * bins, A)``."""
        return mean_distances(x, self.conv)


class DistanceHead(nn.Module):
    """A branch for boxes (``cv2``) and one for classes (``cv3``) per map, decoded.

    Source:
        Tian et al., "FCOS" (ICCV 2019), section 3.1, with distances in strides.
    """

    def __init__(
        self, cv2: nn.ModuleList, cv3: nn.ModuleList, dfl: Expectation, strides: tuple[float, ...]
    ) -> None:
        super().__init__()
        self.cv2 = cv2
        self.cv3 = cv3
        self.dfl = dfl
        self.strides = strides

    def forward(self, maps: list[Tensor]) -> Tensor:
        """Return ``(N, 4 + K, A)``: centre and size in pixels, then class scores."""
        return _decoded((self.cv2, self.cv3), self.dfl, maps, self.strides)


class MainDistanceHead(nn.Module):
    """The main branches of YOLOv9's two, under the names they have beside the auxiliary ones.

    Source:
        Wang et al., "YOLOv9" (ECCV 2024), section 4.1: the auxiliary branch is for training.
    """

    def __init__(
        self, cv4: nn.ModuleList, cv5: nn.ModuleList, dfl2: Expectation, strides: tuple[float, ...]
    ) -> None:
        super().__init__()
        self.cv4 = cv4
        self.cv5 = cv5
        self.dfl2 = dfl2
        self.strides = strides

    def forward(self, maps: list[Tensor]) -> Tensor:
        """Return ``(N, 4 + K, A)``: centre and size in pixels, then class scores."""
        return _decoded((self.cv4, self.cv5), self.dfl2, maps, self.strides)


class EndToEndHead(nn.Module):
    """The branches trained to one prediction per object, and the best of them: no NMS.

    Source:
        Wang et al., "YOLOv10" (NeurIPS 2024), section 3.1: at deployment the one-to-many head
        is discarded.
    """

    def __init__(
        self,
        branches: tuple[nn.ModuleList, nn.ModuleList],
        dfl: Expectation,
        strides: tuple[float, ...],
        detections: int,
    ) -> None:
        """Take the ``branches`` for boxes and classes, and how many detections to give."""
        super().__init__()
        self.one2one_cv2, self.one2one_cv3 = branches
        self.dfl = dfl
        self.strides = strides
        self.detections = detections

    def forward(self, maps: list[Tensor]) -> Tensor:
        """Return ``(N, detections, 6)``: corners in pixels, score, class; best first."""
        corners = torch.cat(_corners(_rows(self.one2one_cv2, maps), self.dfl, maps), 1)
        boxes = (corners * strides_of(maps, self.strides)).transpose(1, 2)
        scores = _rows(self.one2one_cv3, maps).sigmoid().transpose(1, 2)
        return _best(boxes, scores, min(self.detections, boxes.shape[1]))


def mean_distances(x: Tensor, bins: nn.Conv2d) -> Tensor:
    """Return the mean of each distribution, ``(N, 4, A)``, for ``x`` of ``(N, 4 * bins, A)``."""
    batch, _, places = x.shape
    shares = x.reshape(batch, 4, bins.in_channels, places).transpose(1, 2).softmax(1)
    means: Tensor = bins(shares)
    return means.reshape(batch, 4, places)


def _decoded(
    branches: tuple[nn.ModuleList, nn.ModuleList],
    dfl: Expectation,
    maps: list[Tensor],
    strides: tuple[float, ...],
) -> Tensor:
    """Return centre and size of every box in pixels, then class scores, ``(N, 4 + K, A)``."""
    near, far = _corners(_rows(branches[0], maps), dfl, maps)
    boxes = torch.cat([(near + far) / 2, far - near], 1) * strides_of(maps, strides)
    return torch.cat([boxes, _rows(branches[1], maps).sigmoid()], 1)


def _rows(branches: nn.ModuleList, maps: list[Tensor]) -> Tensor:
    """Return what the branches say of their maps, ``(N, C, A)``."""
    return torch.cat([branch(x).flatten(2) for branch, x in zip(branches, maps, strict=True)], 2)


def _corners(sides: Tensor, dfl: Expectation, maps: list[Tensor]) -> tuple[Tensor, Tensor]:
    """Return both corners of every box, ``(N, 2, A)`` each, in cells."""
    left_top, right_bottom = dfl(sides).split(2, 1)
    centres = centres_xy(maps)
    return centres - left_top, centres + right_bottom


def _best(boxes: Tensor, scores: Tensor, count: int) -> Tensor:
    """Return the ``count`` best pairs of box and class, ``(N, count, 6)``.

    Places are chosen by their best class first, so that the second choice, over all pairs, is
    among ``count * classes``; no pair that belongs to the best can be lost that way.
    """
    classes = scores.shape[-1]
    places = scores.amax(-1).topk(count, 1).indices[..., None]
    boxes = boxes.gather(1, places.expand(-1, -1, 4))
    scores, pairs = scores.gather(1, places.expand(-1, -1, classes)).flatten(1).topk(count, 1)
    boxes = boxes.gather(1, (pairs // classes)[..., None].expand(-1, -1, 4))
    labels = (pairs % classes)[..., None].to(boxes.dtype)
    return torch.cat([boxes, scores[..., None], labels], -1)
