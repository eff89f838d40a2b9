"""YOLO data sets: a data.yaml, image folders or lists, and one text file of labels per image."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import yaml

from edgekit.errors import DataError
from edgekit.images.folder import is_file, is_image
from edgekit.images.labels import Label, truth_from_labels
from edgekit.images.read import read_hw
from edgekit.values import Category, Dataset, ImageRecord

_SPLITS = ("train", "val", "test")


def open_yolo(path: Path, split: str = "val", *, labels: bool = True) -> Dataset:
    """Return one split of a YOLO data set.

    The boxes are fractions of the image as a viewer shows it, so reading the labels reads the
    size of every image.

    Args:
        path: The data.yaml. ``path`` inside it is relative to the file itself.
        split: ``train``, ``val`` or ``test``.
        labels: Whether to read the labels too.

    Raises:
        DataError: Not a data.yaml, or the split is not there.
    """
    content = _content(path)
    faults: Counter[str] = Counter()
    images = _images(path, content, split, faults)
    categories = _categories(path, content)
    if labels:
        records = [_record(i, image, categories, faults) for i, image in enumerate(images, 1)]
    else:
        records = [ImageRecord(i, image) for i, image in enumerate(images, 1)]
    kept = tuple(record for record in records if record is not None)
    name = f"{path}#{split}"
    return Dataset(name, kept, categories if labels else (), dict(+faults))


def _content(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_bytes())
    except (OSError, yaml.YAMLError, UnicodeDecodeError, RecursionError) as err:
        raise DataError(f"Cannot read {path} as YAML: {err}. Expected a YOLO data.yaml.") from err
    if not isinstance(content, dict) or not set(_SPLITS) & set(content):
        found = sorted(map(str, content)) if isinstance(content, dict) else type(content).__name__
        raise DataError(
            f"{path} is not a YOLO data.yaml: expected a key of {', '.join(_SPLITS)}, "
            f"found {found}. Add the split, or give the image folder itself."
        )
    return content


def _images(path: Path, content: dict[str, Any], split: str, faults: Counter[str]) -> list[Path]:
    entries = content.get(split)
    if not entries:
        there = ", ".join(s for s in _SPLITS if content.get(s))
        raise DataError(f"{path} has no split '{split}': found {there}. Name one of these.")
    root = path.absolute().parent / str(content.get("path") or "")
    images: dict[Path, None] = {}
    for entry in entries if isinstance(entries, list) else [entries]:
        images.update(dict.fromkeys(_entry_images(root, str(entry), faults)))
    if not images:
        raise DataError(
            f"{path}, key '{split}': no image under {entries}, seen from {root}. "
            "Check 'path' and the split's folder."
        )
    return list(images)


def _entry_images(root: Path, entry: str, faults: Counter[str]) -> list[Path]:
    place = root / entry
    if not place.exists():
        # Exports for training one folder further down say ../train for ./train.
        place = root / entry.removeprefix("../")
    if place.is_dir():
        return sorted(file for file in place.rglob("*") if is_image(file))
    if not place.is_file():
        return []
    lines = place.read_text(encoding="utf-8", errors="replace").split("\n")
    files = [_listed(line.strip(), root, place.parent) for line in lines if line.strip()]
    faults["missing-file"] += sum(not is_file(file) for file in files)
    return [file for file in files if is_file(file)]


def _listed(line: str, root: Path, beside: Path) -> Path:
    return beside / line if line.startswith("./") else root / line


def _categories(path: Path, content: dict[str, Any]) -> tuple[Category, ...]:
    names = content.get("names", content.get("nc"))
    if isinstance(names, int):
        names = list(range(names))
    if isinstance(names, list):
        names = dict(enumerate(names))
    if not isinstance(names, dict) or not all(isinstance(id_, int) for id_ in names):
        raise DataError(
            f"{path}, key 'names': expected a list of names or {{number: name}}, found {names}. "
            "Add the names of the classes."
        )
    return tuple(Category(id_, str(names[id_])) for id_ in sorted(names))


def _record(
    id_: int, image: Path, categories: tuple[Category, ...], faults: Counter[str]
) -> ImageRecord | None:
    size_hw = read_hw(image)
    if size_hw is None:
        faults["unreadable-image"] += 1
        return None
    known = {category.id for category in categories}
    labels = []
    for line in _label_lines(image, faults):
        label = _label(line, size_hw, faults)
        if label is None:
            faults["malformed-annotation"] += 1
        elif label.category not in known:
            faults["unknown-class-id"] += 1
        else:
            labels.append(label)
    return ImageRecord(id_, image, truth=truth_from_labels(labels, size_hw, faults))


def _label_lines(image: Path, faults: Counter[str]) -> list[str]:
    parts = list(image.parts)
    if "images" in parts:
        parts[len(parts) - 1 - parts[::-1].index("images")] = "labels"
    file = Path(*parts).with_suffix(".txt")
    if not file.is_file():
        faults["image-without-label-file"] += 1
        return []
    lines = file.read_text(encoding="utf-8", errors="replace").split("\n")
    return [line for line in lines if line.strip()]


def _label(line: str, size_hw: tuple[int, int], faults: Counter[str]) -> Label | None:
    """Return a label in pixels, or ``None`` where the line is no box and no outline."""
    try:
        category, *numbers = map(float, line.split())
    except ValueError:
        return None
    if not category.is_integer():
        return None
    height, width = size_hw
    if len(numbers) == 4:
        x, y, w, h = numbers
        edges = (x - w / 2, y - h / 2, x + w / 2, y + h / 2)
    elif len(numbers) >= 6 and len(numbers) % 2 == 0:
        faults["outline-instead-of-box"] += 1
        xs, ys = numbers[::2], numbers[1::2]
        edges = (min(xs), min(ys), max(xs), max(ys))
    else:
        return None
    left, top, right, bottom = edges
    return Label((left * width, top * height, right * width, bottom * height), int(category))
