"""What a user may ask of a search, and the images it decides on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from edgekit.config.calibration import open_source
from edgekit.errors import ConfigError
from edgekit.images.datasets import DatasetOptions
from edgekit.pipeline.data import Roles, overlap_warnings

if TYPE_CHECKING:
    from edgekit.pipeline.data import ImageSets
    from edgekit.pipeline.options import ConvertOptions
    from edgekit.values import Dataset

FEWEST = 16
SEARCHED = Roles("search", "evaluation", "precisions", "--search")
CALIBRATED = Roles("calibration", "search", "ranges", "--calib")


@dataclass(frozen=True)
class TuneOptions:
    """One search.

    Attributes:
        convert: What a conversion is told; ``evaluation`` is only reported on.
        search: Where the images come from that decide; ``None`` takes those of the calibration
            source that calibrate nothing.
        sizes: Sides of square inputs to try, in pixels; none tries the model's own.
        agreement_min: Least agreement with FP32 on the search images, a fraction.
        evaluations: How many networks are scored and timed at each size, at most.
    """

    convert: ConvertOptions
    search: str | None = None
    sizes: tuple[int, ...] = ()
    agreement_min: float = 0.95
    evaluations: int = 25

    def __post_init__(self) -> None:
        """Refuse what no search can be held to.

        Raises:
            ConfigError: A figure is out of bounds.
        """
        if not 0 <= self.agreement_min <= 1:
            raise ConfigError(
                f"--min-agreement: expected a fraction of 0 to 1, found {self.agreement_min:g}. "
                "Give 0.95, or 0 to ask for none."
            )
        if self.evaluations < 3:
            raise ConfigError(
                "--evaluations: expected 3 or more (all in float, what a conversion makes, and one "
                f"more), found {self.evaluations}. Leave it out for 25."
            )
        self._require_sizes()
        if self.convert.evaluation is None:
            raise ConfigError(
                "A search is reported on images that decided nothing: expected --eval, found none. "
                "Give --eval a data set other than --calib and --search."
            )

    def _require_sizes(self) -> None:
        if len(set(self.sizes)) < len(self.sizes) or any(side < 1 for side in self.sizes):
            found = ",".join(map(str, self.sizes))
            raise ConfigError(
                f"--sizes '{found}': expected different sides in pixels, such as 640,512,416."
            )
        if self.sizes and self.convert.model.input_hw is not None:
            raise ConfigError(
                "--sizes and --input-size: expected one of them, found both. The first of --sizes "
                "is the one the others are compared with."
            )


def open_search_images(sets: ImageSets, options: TuneOptions) -> ImageSets:
    """Return ``sets`` with the images that decide.

    Raises:
        ConfigError: Too few, or some of them calibrate or are reported on; or nothing tells what
            a smaller input costs.
        DataError: The source cannot be used.
    """
    convert = options.convert
    assert sets.calibration is not None
    assert sets.evaluation is not None
    source = options.search or convert.calib
    assert source is not None
    whole = open_source(source, DatasetOptions(images=convert.images, cache=convert.cache))
    images = whole if options.search else _rest(whole, sets.calibration)
    _require_enough(images, options)
    warnings = list(sets.warnings)
    for first, second, roles in (
        (sets.calibration, images, CALIBRATED),
        (images, sets.evaluation, SEARCHED),
    ):
        warnings += overlap_warnings(first, second, allowed=convert.allow_overlap, roles=roles)
    return replace(sets, search=images, warnings=tuple(warnings))


def _rest(whole: Dataset, calibration: Dataset) -> Dataset:
    """Return the images of ``whole`` that calibrate nothing."""
    drawn = {record.id for record in calibration.records}
    return replace(whole, records=tuple(r for r in whole.records if r.id not in drawn))


def _require_enough(images: Dataset, options: TuneOptions) -> None:
    if len(images.records) < FEWEST:
        where = "--search" if options.search else "--calib, less those that calibrate"
        raise ConfigError(
            f"{where} {images.name}: expected at least {FEWEST} images to decide on, found "
            f"{len(images.records)}. Give --search more images like those the device will see."
        )
    _require_labels(images, options)


def _require_labels(images: Dataset, options: TuneOptions) -> None:
    """Raise unless labels say all that they are asked for."""
    objects = sum(len(r.truth.xyxy) for r in images.records if r.truth is not None)
    if images.labelled and objects == 0:
        raise ConfigError(
            f"--search {images.name}: expected objects in its labels, found none: no loss of mAP "
            "can be measured. Give --search a data set with objects, or images without labels."
        )
    if options.convert.map_drop_points_max is not None and not images.labelled:
        raise ConfigError(
            f"--max-map-drop: only labels tell what mAP is lost: expected them on the search "
            f"images, found none in {images.name}. Give --search a labelled data set, or leave "
            "--max-map-drop out."
        )
    if len(options.sizes) > 1 and not images.labelled:
        raise ConfigError(
            f"--sizes: only labels tell what a smaller input misses: expected them on the search "
            f"images, found none in {images.name}. Give --search a labelled data set."
        )
