"""Plain image files: no labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgekit.errors import DataError
from edgekit.values import Dataset, ImageRecord

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})


def open_folder(path: Path) -> Dataset:
    """Return the images of a folder and of the folders in it, or the one image ``path`` is.

    Raises:
        DataError: There is no image.
    """
    found = [path] if path.is_file() else path.rglob("*")
    return dataset_of_files(str(path), found)


def dataset_of_files(name: str, paths: Iterable[Path]) -> Dataset:
    """Return the image files among ``paths`` as a data set without labels, sorted by path.

    Raises:
        DataError: There is no image among them.
    """
    images = sorted({path.absolute() for path in paths if is_image(path)})
    if not images:
        raise DataError(
            f"No image in {name}: expected files ending in {', '.join(sorted(SUFFIXES))}, "
            "found none. Check the path."
        )
    return Dataset(name, tuple(ImageRecord(i, path) for i, path in enumerate(images, start=1)))


def is_image(path: Path) -> bool:
    """Return whether ``path`` is a file that is called an image and is not hidden."""
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and is_file(path)


def is_file(path: Path) -> bool:
    """Return whether ``path`` is a file; a name that no file system takes is none."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False
