"""A few real images that rewrites are proven on, besides what is drawn for it."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from edgekit.images.letterbox import letterbox, to_input
from edgekit.images.read import read_image

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edgekit.values import Dataset, Floats, ImageRecord, Preprocess

SAMPLES = 2  # each is one more run of every graph that is compared


def samples_of(dataset: Dataset | None) -> tuple[ImageRecord, ...]:
    """Return the first images of ``dataset`` that can be read, ``SAMPLES`` at most."""
    records = dataset.records if dataset is not None else ()
    return tuple(islice((r for r in records if read_image(r).pixels_rgb is not None), SAMPLES))


def inputs_of(samples: Sequence[ImageRecord], preprocess: Preprocess) -> tuple[Floats, ...]:
    """Return each of ``samples`` as a network takes it, ``(1, 3, H, W)``.

    Files are read here, one after the other, so that no more than one is held in full.
    """
    found = (read_image(record).pixels_rgb for record in samples)
    return tuple(
        to_input(letterbox(pixels, preprocess).pixels, preprocess)
        for pixels in found
        if pixels is not None
    )
