"""Calibration manifests: how to pick images, never the images; and any SRC a user names."""

from __future__ import annotations

import glob
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import yaml
from platformdirs import user_cache_path
from pydantic import Field

from edgekit.config.files import find, names, parse
from edgekit.config.schema import Schema
from edgekit.errors import ConfigError, DataError
from edgekit.images.datasets import DatasetOptions, choose, open_dataset
from edgekit.images.folder import dataset_of_files, is_image
from edgekit.images.overlap import dataset_sha256, file_sha256
from edgekit.scenes.dataset import SceneRequest, rendered_dataset
from edgekit.scenes.sources import Split

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from edgekit.config.files import YamlFile
    from edgekit.values import Dataset

_SHA256 = "^[0-9a-f]{64}$"


class Files(Schema):
    """Which image files calibrate, so that the same ones are picked again."""

    version: Literal[1]
    kind: Literal["files"] = "files"
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
        pattern=_SHA256,
        description="Of the drawn images; edgekit refuses others.",
    )


class Listed(Schema):
    """Image files by name and content, as ``edgekit calib make`` writes them."""

    version: Literal[1]
    kind: Literal["listed"]
    summary: str = Field(description="One sentence: where the images are from and why these.")
    images: dict[str, Annotated[str, Field(pattern=_SHA256)]] = Field(
        min_length=1,
        description="File, seen from this one, to the sha256 of its content; edgekit refuses "
        "others.",
    )


class Rendered(Schema):
    """Labelled images that edgekit draws itself, the same on every computer."""

    version: Literal[1]
    kind: Literal["rendered"]
    summary: str = Field(description="One sentence: what is drawn and what for.")
    scenes: Literal["digits"] = Field(
        description="What is drawn: scikit-learn's handwritten digits on its photographs."
    )
    split: Split = Field(description="No digit and no part of a photograph is in two splits.")
    count: int = Field(ge=1, description="How many scenes.")
    seed: int = Field(default=0, ge=0, description="Another one gives other scenes.")
    sha256: str | None = Field(
        default=None,
        pattern=_SHA256,
        description="Of the images and their labels; edgekit refuses others.",
    )


Calibration = Annotated[Files | Listed | Rendered, Field(discriminator="kind")]

_KINDS: Mapping[str, type[Files | Listed | Rendered]] = {
    "files": Files,
    "listed": Listed,
    "rendered": Rendered,
}


def list_calibrations() -> tuple[str, ...]:
    """Return the names of the manifests that ship with edgekit, sorted."""
    return names("calibration")


def find_calibration(name: str) -> Calibration:
    """Return the manifest called ``name``, or of the YAML file ``name`` is a path to.

    Raises:
        UnknownNameError: There is no such manifest.
        ConfigError: The file is not a valid manifest.
    """
    return _parsed(find("calibration", name))


def open_source(source: str, options: DatasetOptions | None = None) -> Dataset:
    """Return the data set of any SRC: a manifest, by name or path, or what ``open_dataset`` takes.

    Raises:
        DataError: Nothing to open, or the images are not those of the manifest's ``sha256``.
        ConfigError: The manifest is not valid.
        MissingExtraError: It renders scenes, and scikit-learn is not installed.
    """
    options = options or DatasetOptions()
    path = Path(source).expanduser()
    if (source in names("calibration") and not path.exists()) or _is_manifest(path):
        return open_calibration(source, options)
    return open_dataset(source, options)


def open_calibration(name: str, options: DatasetOptions | None = None) -> Dataset:
    """Return the images a manifest picks, without labels, or those it renders, with labels.

    Args:
        name: Of a manifest that ships with edgekit, or path of one.
        options: Where rendered images are kept, and whether labels are wanted.

    Raises:
        UnknownNameError: There is no such manifest.
        ConfigError: The manifest is not valid.
        DataError: It picks no image, or others than its ``sha256`` says.
        MissingExtraError: It renders scenes, and scikit-learn is not installed.
    """
    options = options or DatasetOptions()
    file = find("calibration", name)
    manifest = _parsed(file)
    dataset = _dataset(manifest, file, options)
    if not isinstance(manifest, Listed) and manifest.sha256 is not None:
        _require_same(manifest.sha256, dataset, file)
    return replace(dataset if options.labels else _unlabelled(dataset), name=str(name))


def write_manifest(path: Path, summary: str, images: Iterable[Path]) -> None:
    """Write a manifest that lists ``images`` with the sha256 of each, seen from its folder.

    Raises:
        ConfigError: It cannot be written.
    """
    home = path.expanduser().absolute().parent.resolve()
    listed = {_seen_from(home, image): file_sha256(image) for image in images}
    content = Listed(version=1, kind="listed", summary=summary, images=listed)
    text = yaml.safe_dump(content.model_dump(), sort_keys=False, allow_unicode=True, width=1000)
    try:
        path.expanduser().write_text(text, encoding="utf-8", newline="\n")
    except OSError as err:
        raise ConfigError(f"Cannot write {path}: {err.strerror}. Choose another file.") from err


def _seen_from(home: Path, image: Path) -> str:
    image = image.parent.resolve() / image.name  # '..' does not lead back out of a linked folder
    try:
        return Path(os.path.relpath(image, home)).as_posix()
    except ValueError:  # another drive
        return image.as_posix()


def _dataset(manifest: Calibration, file: YamlFile, options: DatasetOptions) -> Dataset:
    if isinstance(manifest, Rendered):
        return _rendered(manifest, options)
    return _listed(manifest, file) if isinstance(manifest, Listed) else _picked(manifest, file)


def _parsed(file: YamlFile) -> Calibration:
    # Manifests had no kind before there were two.
    kind = file.content.get("kind", "files")
    if kind not in _KINDS:
        raise ConfigError(
            f"{file.path}, key 'kind': expected {' or '.join(_KINDS)}, found {kind!r}. "
            "Mend the key, or leave it out for a manifest of files."
        )
    return parse(_KINDS[kind], file.content, file.path)


def _listed(manifest: Listed, file: YamlFile) -> Dataset:
    root = Path.cwd() if file.shipped else file.path.absolute().parent
    paths = [root / name for name in manifest.images]
    for path, (name, sha256) in zip(paths, manifest.images.items(), strict=True):
        if not is_image(path):
            raise DataError(
                f"{file.path}, key 'images': expected an image at {name}, seen from {root}, found "
                "none. Restore it, or make the manifest again with: edgekit calib make"
            )
        found = file_sha256(path)
        if found != sha256:
            raise DataError(
                f"{file.path}, key 'images', {name}: expected sha256 {sha256}, found {found}. The "
                "image changed: restore it, or make the manifest again with: edgekit calib make"
            )
    return dataset_of_files(str(file.path), paths)


def _picked(manifest: Files, file: YamlFile) -> Dataset:
    root = Path.cwd() if file.shipped else file.path.parent
    found = dataset_of_files(str(file.path), _matches(manifest.images, root))
    count = manifest.count or len(found.records)
    if count > len(found.records):
        raise DataError(
            f"{file.path}, key 'count': expected {count} images, found {len(found.records)} under "
            f"{', '.join(manifest.images)}, seen from {root}. Add images or lower the count."
        )
    return choose(found, count, manifest.seed)


def _rendered(manifest: Rendered, options: DatasetOptions) -> Dataset:
    request = SceneRequest(manifest.split, manifest.count, manifest.seed)
    return rendered_dataset(request, options.cache or user_cache_path("edgekit"))


def _require_same(sha256: str, dataset: Dataset, file: YamlFile) -> None:
    found = dataset_sha256(dataset)
    if found != sha256:
        raise DataError(
            f"{file.path}, key 'sha256': expected {sha256}, found {found}. The images "
            "changed since it was written: restore them, or write the new value."
        )


def _unlabelled(dataset: Dataset) -> Dataset:
    records = tuple(replace(record, truth=None) for record in dataset.records)
    return replace(dataset, records=records, categories=(), faults={})


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
    keys = set(find("calibration", str(path)).content)
    return {"version", "images"} <= keys or {"version", "kind"} <= keys
