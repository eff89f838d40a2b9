"""The image sets of one conversion: opened, kept apart, described."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING

from edgekit.calibrate.audit import ENOUGH
from edgekit.config.calibration import open_source
from edgekit.errors import ConfigError
from edgekit.images.contrast import is_even
from edgekit.images.datasets import DatasetOptions, choose
from edgekit.images.overlap import dataset_sha256, file_sha256, shared_images
from edgekit.images.read import read_image
from edgekit.pipeline.lock import LockedData
from edgekit.report.schema import DataUse

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Literal

    from edgekit.calibrate.audit import ImageFacts
    from edgekit.config.recipe import CalibrationDraw
    from edgekit.pipeline.options import ConvertOptions
    from edgekit.values import Dataset, ImageRecord

    Role = Literal["calibration", "search", "evaluation"]

HELD_OUT = 64


@dataclass(frozen=True)
class Roles:
    """What to call images that choose and those that score.

    Attributes:
        chosen: What the images of the first set choose.
        flag: How the first set is given.
    """

    choosing: str
    scoring: str
    chosen: str
    flag: str


CALIBRATED = Roles("calibration", "evaluation", "ranges", "--calib")


@dataclass(frozen=True, eq=False)
class ImageSets:
    """The images that calibrate and those that score; no image is in both.

    Attributes:
        calibration: Drawn as the recipe says; ``None`` when nothing is calibrated.
        evaluation: Without ``--eval``, images of the calibration source that calibrate nothing,
            without labels; ``None`` when there are none.
        warnings: What is doubtful about them, one sentence each.
        search: Images that decide between networks; ``None`` when nothing is searched for.
    """

    calibration: Dataset | None
    evaluation: Dataset | None
    warnings: tuple[str, ...] = ()
    search: Dataset | None = None


def open_image_sets(options: ConvertOptions, draw: CalibrationDraw | None) -> ImageSets:
    """Return the image sets that ``options`` name.

    Args:
        options: Where they are.
        draw: How many images calibrate; ``None`` when none do.

    Raises:
        ConfigError: INT8 without calibration images or with too few of them, or an image that is
            in both sets.
        DataError: A source cannot be used.
    """
    evaluation = _open(options.evaluation, options)
    warnings = [w for w in (_unlabelled(evaluation, options),) if w]
    if draw is None:
        return ImageSets(None, evaluation, tuple(warnings))
    if options.calib is None:
        raise ConfigError(
            f"--target {options.target} quantizes and needs images to calibrate on. "
            "Add --calib FOLDER with images like those the device will see (not the --eval ones)."
        )
    unlabelled = DatasetOptions(images=options.images, labels=False, cache=options.cache)
    whole = open_source(options.calib, unlabelled)
    calibration = choose(whole, draw.count, draw.seed)
    if evaluation is not None:
        warnings += overlap_warnings(calibration, evaluation, allowed=options.allow_overlap)
    warnings += _too_few(calibration, options)
    if evaluation is None:
        evaluation = _held_out(whole, calibration, draw)
        warnings.append(_unscored(evaluation))
    return ImageSets(calibration, evaluation, tuple(warnings))


def data_use(
    role: Literal["calibration", "search", "evaluation"],
    dataset: Dataset,
    facts: Iterable[ImageFacts],
) -> DataUse:
    """Return what the report says about one image set, and about its files by their facts."""
    faults = Counter(dataset.faults)
    faults.update(fault for fact in facts for fault in fact.faults)
    return DataUse(
        role=role,
        source=dataset.name,
        images=len(dataset.records),
        sha256=dataset_sha256(dataset),
        faults=dict(sorted(faults.items())),
    )


def locked(dataset: Dataset | None) -> LockedData | None:
    """Return the content hashes of an image set."""
    if dataset is None:
        return None
    hashes = (file_sha256(record.path) for record in dataset.records)
    images = dict(zip(names_of(dataset), hashes, strict=True))
    return LockedData(source=dataset.name, sha256=dataset_sha256(dataset), images=images)


def overlap_warnings(
    choosing: Dataset, scoring: Dataset, *, allowed: bool, roles: Roles = CALIBRATED
) -> list[str]:
    """Return a warning where images that chose something are also those that score it.

    They are compared by content.

    Args:
        choosing: Images that chose something.
        scoring: Images that score what was chosen.
        allowed: Whether to go on.
        roles: What to call the two.

    Raises:
        ConfigError: They share images, and that is not allowed.
    """
    shared = shared_images(choosing, scoring)
    if not shared:
        return []
    first = shared[0][1].path.name
    fact = f"{len(shared)} {roles.choosing} images are also {roles.scoring} images (first: {first})"
    if not allowed:
        raise ConfigError(
            f"{fact}. A score on images that chose the {roles.chosen} proves nothing. Give "
            f"{roles.flag} other images (data.yaml#train names a split), or --allow-overlap to go "
            "on with a warning in the report."
        )
    return [f"{fact}: the accuracy of the result is flattered."]


def names_of(dataset: Dataset) -> tuple[str, ...]:
    """Return the path of every image below the folder that all of them are in."""
    root = os.path.commonpath([r.path.parent for r in dataset.records])
    return tuple(r.path.relative_to(root).as_posix() for r in dataset.records)


def _open(source: str | None, options: ConvertOptions) -> Dataset | None:
    if source is None:
        return None
    return open_source(source, DatasetOptions(images=options.images, cache=options.cache))


def _unlabelled(evaluation: Dataset | None, options: ConvertOptions) -> str | None:
    """Return a warning where there is nothing to compute mAP from.

    Raises:
        ConfigError: A budget of mAP was set all the same.
    """
    labelled = evaluation is not None and evaluation.labelled
    if options.map_drop_points_max is not None and not labelled:
        raise ConfigError(
            f"--max-map-drop {options.map_drop_points_max:g} needs labels to measure mAP: expected "
            f"--eval with labels, found {options.evaluation or 'no --eval'}. Give a COCO json, a "
            "YOLO data.yaml or the VOC folder that holds Annotations, or leave the budget out."
        )
    if labelled or evaluation is None:
        return None
    return (
        f"--eval {evaluation.name} has no labels: the result is compared with FP32 alone. For mAP "
        "give a COCO json, a YOLO data.yaml or the VOC folder that holds Annotations."
    )


def _held_out(whole: Dataset, calibration: Dataset, draw: CalibrationDraw) -> Dataset | None:
    """Return images of the calibration source that calibrate nothing; ``None`` if all of them do.

    Without ``--eval`` they still tell how far INT8 agrees with FP32, which needs no labels.
    """
    drawn = {record.id for record in calibration.records}
    rest = tuple(record for record in whole.records if record.id not in drawn)
    return choose(replace(whole, records=rest), HELD_OUT, draw.seed) if rest else None


def _unscored(held_out: Dataset | None) -> str:
    if held_out is None:
        return "Nothing was scored: no --eval, and every image of --calib calibrated."
    return (
        f"No --eval: the result is compared with FP32 on {len(held_out.records)} other images "
        "of --calib, without labels. Give --eval for mAP."
    )


def _too_few(calibration: Dataset, options: ConvertOptions) -> list[str]:
    """Return a warning where fewer images than ``ENOUGH`` can be read and show anything.

    Raises:
        ConfigError: That is so, and nobody insisted.
    """
    usable = (record for record in calibration.records if _shows_anything(record))
    count = sum(1 for _ in islice(usable, ENOUGH))
    if count >= ENOUGH:
        return []
    fact = f"Only {count} calibration images can be read and are not of one colour"
    if not options.force:
        raise ConfigError(
            f"{fact}: expected at least {ENOUGH}, found {len(calibration.records)} drawn from "
            f"--calib {calibration.name}. Add images like those the device will see, or --force "
            "to go on with a warning in the report."
        )
    return [f"{fact}: ranges of rare activations are guesses below {ENOUGH}."]


def _shows_anything(record: ImageRecord) -> bool:
    pixels_rgb = read_image(record).pixels_rgb
    return pixels_rgb is not None and not is_even(pixels_rgb)
