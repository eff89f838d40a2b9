"""From an image to boxes with one candidate."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Self

import numpy as np

from edgekit.heads.decode import decode, suppress
from edgekit.images.letterbox import boxes_to_original, letterbox, to_input
from edgekit.values import Boxes

if TYPE_CHECKING:
    from types import TracebackType

    from numpy.typing import NDArray

    from edgekit.measure.candidate import Candidate
    from edgekit.protocols import Session
    from edgekit.values import Floats, Pixels, Placement, TensorInfo

    Values = dict[str, NDArray[np.generic]]


class Predictor:
    """A candidate opened on its runtime. A context manager: leaving it frees the runtime.

    Args:
        candidate: What to run.
        session: Its network, opened already; ``None`` opens it on entering.

    Raises:
        StageError: On entering, when the runtime cannot open the model.
    """

    def __init__(self, candidate: Candidate, session: Session | None = None) -> None:
        self._candidate = candidate
        self._opened = session
        self._stack = ExitStack()

    def infer(self, pixels: Pixels) -> Boxes:
        """Return boxes in pixels of the network's input, before NMS: what inference times.

        Args:
            pixels: ``(H, W, 3)`` letterboxed image in the candidate's colour order.
        """
        candidate = self._candidate
        taken = self._session.inputs[0]
        feed: NDArray[np.generic] = (
            pixels[None]
            if candidate.input == "u8-nhwc"
            else as_taken(to_input(pixels, candidate.preprocess), taken)
        )
        outputs = of_first_image(self._session.run({taken.name: feed}), taken)
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
        opened = self._opened or self._candidate.backend.open(self._candidate.model)
        self._session: Session = self._stack.enter_context(opened)
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.close()


def as_taken(image: Floats, taken: TensorInfo) -> NDArray[np.generic]:
    """Return the ``(1, 3, H, W)`` ``image`` in the type, layout and batch of a user's own file.

    A file that takes u8 does its scaling itself; a fixed batch is filled with the same image.
    """
    feed: NDArray[np.generic] = image
    if taken.dtype == "uint8":
        feed = np.clip(np.rint(image), 0, 255).astype(np.uint8)
    elif taken.dtype == "float16":
        feed = image.astype(np.float16)
    if taken.shape[1] != 3 and taken.shape[3] == 3:
        feed = np.ascontiguousarray(feed.transpose(0, 2, 3, 1))
    batch = taken.shape[0] or 1
    return feed if batch == 1 else np.repeat(feed, batch, axis=0)


def of_first_image(outputs: Values, taken: TensorInfo) -> Values:
    """Return the part of ``outputs`` that is about the first image of a fixed batch."""
    batch = taken.shape[0] or 1
    if batch == 1:
        return outputs
    return {name: value[: len(value) // batch] for name, value in outputs.items()}
