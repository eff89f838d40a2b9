"""Which images two data sets share, by content."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from edgekit.values import Dataset, ImageRecord


def shared_images(first: Dataset, second: Dataset) -> tuple[tuple[ImageRecord, ImageRecord], ...]:
    """Return the pairs of records whose files have the same content, in the order of ``second``."""
    by_size: dict[int, list[ImageRecord]] = defaultdict(list)
    for record in first.records:
        by_size[record.path.stat().st_size].append(record)
    by_content: dict[int, dict[str, ImageRecord]] = {}
    pairs = []
    for record in second.records:
        # Only files of equal size can be equal, so few are read.
        size = record.path.stat().st_size
        if size not in by_size:
            continue
        if size not in by_content:
            by_content[size] = {file_sha256(r.path): r for r in reversed(by_size[size])}
        other = by_content[size].get(file_sha256(record.path))
        if other is not None:
            pairs.append((other, record))
    return tuple(pairs)


def dataset_sha256(dataset: Dataset) -> str:
    """Return a hash of the images' content and of their labels, whatever the files are called."""
    digest = hashlib.sha256()
    for category in dataset.categories:
        digest.update(f"{category.id} {category.name}\n".encode())
    for record in dataset.records:
        digest.update(bytes.fromhex(file_sha256(record.path)))
        if record.truth is not None:
            for array in vars(record.truth).values():
                digest.update(array.tobytes())
    return digest.hexdigest()


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file's content, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
