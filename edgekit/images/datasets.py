"""Any data set edgekit reads, from the path a user gives."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from edgekit.errors import DataError
from edgekit.images.coco import open_coco
from edgekit.images.folder import SUFFIXES, open_folder
from edgekit.images.voc import is_voc, open_voc
from edgekit.images.yolo import open_yolo

if TYPE_CHECKING:
    from edgekit.values import Dataset


@dataclass(frozen=True)
class DatasetOptions:
    """How to open a data set.

    Attributes:
        images: Folder of a COCO json's images, where the usual places are not it.
        split: Split of a YOLO data.yaml (``val`` when not named), or list of a VOC folder (every
            annotated image when not named). ``path#split`` names it too, and stands over this.
        labels: Off where only pixels are needed: a large YOLO data set opens much faster.
        cache: Folder that keeps images which a manifest has rendered; the user's cache folder when
            ``None``.
    """

    images: Path | None = None
    split: str | None = None
    labels: bool = True
    cache: Path | None = None


_DEFAULT = DatasetOptions()


def open_dataset(source: str | Path, options: DatasetOptions = _DEFAULT) -> Dataset:
    """Return the data set at ``source``; what is wrong with it is counted in ``faults``.

    Args:
        source: A COCO json, a YOLO data.yaml, a Pascal VOC folder, a folder of images or one
            image. ``#name`` after it names a split.
        options: Where images are, which split, and whether labels are needed.

    Raises:
        DataError: Nothing there, no known format, or no image left to use.
    """
    path, options = _located(str(source), options)
    dataset = _open(path, options)
    return replace(dataset, name=str(source), faults=dict(sorted(dataset.faults.items())))


def choose(dataset: Dataset, count: int, seed: int) -> Dataset:
    """Return ``count`` images of ``dataset`` drawn by ``seed``, in their order; all when fewer."""
    total = len(dataset.records)
    drawn = sorted(random.Random(seed).sample(range(total), min(count, total)))
    return replace(dataset, records=tuple(dataset.records[i] for i in drawn))


def _located(source: str, options: DatasetOptions) -> tuple[Path, DatasetOptions]:
    path = Path(source).expanduser()
    if not path.exists() and "#" in source:
        stem, _, split = source.rpartition("#")
        path, options = Path(stem).expanduser(), replace(options, split=split)
    if not path.exists():
        raise DataError(
            f"No such file or folder: {path}. Expected a COCO json, a YOLO data.yaml, a Pascal VOC "
            "folder or a folder of images. Check the path."
        )
    return path, options


def _open(path: Path, options: DatasetOptions) -> Dataset:
    suffix = path.suffix.lower()
    if is_voc(path):
        return open_voc(path, options.split)
    if suffix in {".yaml", ".yml"}:
        return open_yolo(path, options.split or "val", labels=options.labels)
    if options.split is not None:
        raise DataError(
            f"{path} has no split '{options.split}': expected a YOLO data.yaml or a Pascal VOC "
            f"folder, found neither. Leave the split out."
        )
    if suffix == ".json":
        return open_coco(path, options.images, labels=options.labels)
    if path.is_dir() or suffix in SUFFIXES:
        return open_folder(path)
    raise DataError(
        f"{path} is no data set: expected a COCO .json, a YOLO .yaml, an image or a folder, found "
        f"a file ending in '{suffix}'. Give one of these."
    )
