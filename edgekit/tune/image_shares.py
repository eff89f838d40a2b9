"""Images shared out: some measure, others calibrate, draw by draw."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from edgekit.errors import DataError
from edgekit.images.read import read_image

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edgekit.tune.sensitivity import SensitivityOptions
    from edgekit.values import Dataset, ImageRecord


@dataclass(frozen=True, eq=False)
class ImageShares:
    """Images of several draws; none of them both calibrates and measures.

    Attributes:
        measured: Images that measure, those of the first draw first; all of them can be read.
        calibrations: Images that calibrate, one set for every draw.
    """

    measured: Dataset
    calibrations: tuple[Dataset, ...]

    def of_draw(self, draw: int) -> range:
        """Return the indices of the images that measure what ``draw`` calibrated."""
        ends = np.linspace(0, len(self.measured.records), len(self.calibrations) + 1).astype(int)
        return range(int(ends[draw]), int(ends[draw + 1]))


def share_out(images: Dataset, options: SensitivityOptions, calibrating: int) -> ImageShares:
    """Return ``images`` shared out at random.

    Calibration sets of different draws have no image in common where there are enough; else each
    holds a random half of what may calibrate.

    Args:
        images: To take them from.
        options: How many draws, and how many images measure.
        calibrating: How many images each draw calibrates on, at most.

    Raises:
        DataError: There are fewer than two readable images a draw.
    """
    rng = np.random.default_rng(options.seed)
    shuffled = [images.records[i] for i in rng.permutation(len(images.records))]
    readable = [record for record in shuffled if read_image(record).pixels_rgb is not None]
    if len(readable) < 2 * options.draws:
        raise DataError(
            f"{images.name}: expected at least {2 * options.draws} images for {options.draws} "
            f"draws, one to calibrate and one to measure in each; found {len(readable)} that can "
            "be read. Give --calib more images."
        )
    count = min(options.images, len(readable) // 2)
    measured, rest = readable[: max(count, options.draws)], readable[max(count, options.draws) :]
    drawn = tuple(
        replace(images, records=tuple(records), faults={})
        for records in _calibrations(rest, options.draws, calibrating, rng)
    )
    return ImageShares(replace(images, records=tuple(measured), faults={}), drawn)


def _calibrations(
    records: Sequence[ImageRecord], draws: int, count: int, rng: np.random.Generator
) -> list[list[ImageRecord]]:
    if draws * count <= len(records) or draws == 1:
        return [list(records[i * count : (i + 1) * count]) for i in range(draws)]
    half = min(count, (len(records) + 1) // 2)
    return [
        [records[i] for i in sorted(rng.permutation(len(records))[:half])] for _ in range(draws)
    ]
