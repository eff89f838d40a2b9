"""Calibration manifests: how to pick images, never the images; and any SRC a user names."""

from __future__ import annotations

import glob
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from edgekit.config.files import find, names, parse
from edgekit.config.schema import Schema
from edgekit.errors import DataError
from edgekit.images.datasets import DatasetOptions, choose, open_dataset
from edgekit.images.folder import dataset_of_files
from edgekit.images.overlap import dataset_sha256

if TYPE_CHECKING:
    from edgekit.values import Dataset


class Calibration(Schema):
    """Which images calibrate, so that the same ones are picked again."""

    version: Literal[1]
    summary: str = Field(description="One sentence: where the images are from and why these.")
    images: tuple[str, ...] = Field(
        min_length=1,
        description="Files, folders, or patterns with *, ? and **. Relative to this file, or to "
        "the current folder for a manifest that ships with edgekit.",
    )
    count: int | None = Field(default=None, ge=1, description="How many to draw; none: all.")
    seed: int = Field(default=0, ge=0, description="Decides which are drawn.")
    sha256: str | None = Field(
        default=None,
        pattern="^[0-9a-f]{64}$",
        description="Of the drawn images; edgekit refuses others.",
    )


def list_calibrations() -> tuple[str, ...]:
    """Return the names of the manifests that ship with edgekit, sorted."""
    return names("calibration")


def open_source(source: str, options: DatasetOptions | None = None) -> Dataset:
    """Return the data set of any SRC: a manifest, by name or path, or what ``open_dataset`` takes.

    Raises:
        DataError: Nothing to open, or the images are not those of the manifest's ``sha256``.
        ConfigError: The manifest is not valid.
    """
    path = Path(source).expanduser()
    if (source in names("calibration") and not path.exists()) or _is_manifest(path):
        return open_calibration(source)
    return open_dataset(source, options or DatasetOptions())


def open_calibration(name: str) -> Dataset:
    """Return the images a manifest picks, without labels.

    Raises:
        UnknownNameError: There is no such manifest.
        ConfigError: The manifest is not valid.
        DataError: It picks no image, or others than its ``sha256`` says.
    """
    file = find("calibration", name)
    manifest = parse(Calibration, file.content, file.path)
    root = Path.cwd() if file.shipped else file.path.parent
    found = dataset_of_files(str(name), _matches(manifest.images, root))
    count = manifest.count or len(found.records)
    if count > len(found.records):
        raise DataError(
            f"{file.path}, key 'count': expected {count} images, found {len(found.records)} under "
            f"{', '.join(manifest.images)}, seen from {root}. Add images or lower the count."
        )
    dataset = choose(found, count, manifest.seed)
    sha256 = dataset_sha256(dataset)
    if manifest.sha256 not in (None, sha256):
        raise DataError(
            f"{file.path}, key 'sha256': expected {manifest.sha256}, found {sha256}. The images "
            "changed since it was written: restore them, or write the new value."
        )
    return dataset


def _matches(patterns: tuple[str, ...], root: Path) -> list[Path]:
    paths: list[Path] = []
    for pattern in patterns:
        place = root / Path(pattern).expanduser()
        if place.is_dir():
            paths.extend(place.rglob("*"))
        else:
            # Path.glob takes no absolute pattern.
            paths.extend(map(Path, glob.glob(str(place), recursive=True)))  # noqa: PTH207
    return paths


def _is_manifest(path: Path) -> bool:
    """Return whether a YAML file is a manifest rather than a YOLO data.yaml."""
    if path.suffix not in {".yaml", ".yml"} or not path.is_file():
        return False
    return {"version", "images"} <= set(find("calibration", str(path)).content)
