"""From an image to boxes with one candidate."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Self

from edgekit.heads.decode import decode, suppress
from edgekit.images.letterbox import boxes_to_original, letterbox, to_input
from edgekit.values import Boxes

if TYPE_CHECKING:
    from types import TracebackType

    from edgekit.measure.candidate import Candidate
    from edgekit.protocols import Session
    from edgekit.values import Pixels, Placement


class Predictor:
    """A candidate opened on its runtime. A context manager: leaving it frees the runtime.

    Raises:
        StageError: On entering, when the runtime cannot open the model.
    """

    def __init__(self, candidate: Candidate) -> None:
        self._candidate = candidate
        self._stack = ExitStack()

    def infer(self, pixels: Pixels) -> Boxes:
        """Return boxes in pixels of the network's input, before NMS: what inference times.

        Args:
            pixels: ``(H, W, 3)`` letterboxed image in the candidate's colour order.
        """
        candidate = self._candidate
        feed = (
            pixels[None] if candidate.input == "u8-nhwc" else to_input(pixels, candidate.preprocess)
        )
        outputs = self._session.run({self._input: feed})
        return decode(outputs, candidate.head, candidate.nms.min_score)

    def finish(self, boxes: Boxes, placement: Placement) -> Boxes:
        """Return the boxes that survive NMS in pixels of the original image."""
        kept = suppress(boxes, self._candidate.nms)
        return Boxes(boxes_to_original(kept.xyxy, placement), kept.scores, kept.classes)

    def detect(self, image_rgb: Pixels) -> Boxes:
        """Return what is in an image, strongest first, in its own pixels.

        Args:
            image_rgb: ``(H, W, 3)`` of any size.
        """
        placed = letterbox(image_rgb, self._candidate.preprocess)
        return self.finish(self.infer(placed.pixels), placed.placement)

    def __enter__(self) -> Self:
        opened = self._candidate.backend.open(self._candidate.model)
        self._session: Session = self._stack.enter_context(opened)
        self._input = self._session.inputs[0].name
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.close()
