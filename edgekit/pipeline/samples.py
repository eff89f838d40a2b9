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
CONTRAST = 16  # grey levels of 255 between the darkest and the lightest pixel


def samples_of(dataset: Dataset | None) -> tuple[ImageRecord, ...]:
    """Return the first images of ``dataset`` that show something, ``SAMPLES`` at most.

    An empty one proves next to nothing: every detection on it is as good as any other.
    """
    records = dataset.records if dataset is not None else ()
    return tuple(islice(filter(_shows_something, records), SAMPLES))


def _shows_something(record: ImageRecord) -> bool:
    pixels = read_image(record).pixels_rgb
    return pixels is not None and int(pixels.max()) - int(pixels.min()) >= CONTRAST


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
