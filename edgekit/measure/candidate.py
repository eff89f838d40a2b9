"""One runnable detector: what a row of the report stands for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pathlib import Path

    from edgekit.heads.spec import HeadSpec, NmsOptions
    from edgekit.protocols import Backend
    from edgekit.values import Preprocess

InputKind = Literal["u8-nhwc", "float-nchw"]


@dataclass(frozen=True)
class Candidate:
    """A model file with all that is needed to run it on an image, picklable.

    Attributes:
        name: Unique among the candidates of one measurement.
        backend: The runtime that opens it.
        model: The model file.
        head: How its outputs are decoded.
        nms: Confidence threshold and suppression.
        preprocess: How an image becomes the letterboxed u8 image.
        input: ``u8-nhwc`` takes that image as it is, ``(1, H, W, 3)``; ``float-nchw`` takes it
            normalised, ``(1, 3, H, W)``.
    """

    name: str
    backend: Backend
    model: Path
    head: HeadSpec
    nms: NmsOptions
    preprocess: Preprocess
    input: InputKind

    def at_confidence(self, min_score: float) -> Candidate:
        """Return the same detector with another confidence threshold, in 0..1."""
        return replace(self, nms=self.nms.model_copy(update={"min_score": min_score}))
