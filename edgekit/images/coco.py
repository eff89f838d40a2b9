"""COCO json data sets."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from pathlib import Path, PureWindowsPath
from typing import TYPE_CHECKING, Any

from edgekit.errors import DataError
from edgekit.images.folder import is_file
from edgekit.images.labels import FARTHEST_PX, Label, truth_from_labels
from edgekit.values import Category, Dataset, ImageRecord

if TYPE_CHECKING:
    from collections.abc import Sequence

_Json = dict[str, Any]


def open_coco(path: Path, images: Path | None = None, *, labels: bool = True) -> Dataset:
    """Return the data set of a COCO json.

    Args:
        path: The json.
        images: Folder of the images, looked in first; then beside the json, in ``images/``, in
            ``../<split>/`` and in ``../images/<split>/``.
        labels: Whether to read the annotations too.

    Raises:
        DataError: Not a COCO json, or none of its images is there.
    """
    content = _content(path)
    faults: Counter[str] = Counter()
    listed = _listed(content["images"], faults)
    files = _files(path, images, listed, faults)
    categories = _categories(content, path)
    labelled = labels and "annotations" in content
    grouped = _labels(content, listed, categories, faults) if labelled else {}
    records = tuple(
        ImageRecord(
            id=id_,
            path=file,
            labelled_hw=_size_hw(listed[id_]),
            truth=truth_from_labels(grouped[id_], _size_hw(listed[id_]), faults)
            if labelled
            else None,
        )
        for id_, file in files.items()
    )
    return Dataset(str(path), records, categories if labelled else (), dict(+faults))


def _content(path: Path) -> _Json:
    try:
        content = json.loads(path.read_bytes(), parse_int=_whole)
    except (OSError, ValueError, RecursionError) as err:  # bad UTF-8 and JSON are ValueErrors
        raise DataError(f"Cannot read {path} as JSON: {err}. Expected COCO annotations.") from err
    if not isinstance(content, dict) or not isinstance(content.get("images"), list):
        found = sorted(content) if isinstance(content, dict) else f"a {type(content).__name__}"
        raise DataError(
            f"{path} is not a COCO annotation file: expected a list under 'images', found {found}. "
            "Give the file with the images and their annotations, not detections or a config."
        )
    if not isinstance(content.get("annotations", []), list):
        raise DataError(
            f"{path}, key 'annotations': expected a list, found "
            f"{type(content['annotations']).__name__}. Mend the file, or leave the key out where "
            "there are no labels."
        )
    return content


def _whole(digits: str) -> int | float:
    # Longer ones are no id and no pixel, and would overflow every array.
    return int(digits) if len(digits) < 16 else float(digits)


def _listed(images: Sequence[Any], faults: Counter[str]) -> dict[int, _Json]:
    listed: dict[int, _Json] = {}
    for image in images:
        if not _has(image, id=int, file_name=str):
            faults["malformed-image-entry"] += 1
        elif image["id"] in listed:
            faults["duplicate-image-id"] += 1
        else:
            listed[image["id"]] = image
    return listed


def _files(
    path: Path, images: Path | None, listed: dict[int, _Json], faults: Counter[str]
) -> dict[int, Path]:
    split = path.stem.rpartition("_")[2]
    beside = path.absolute().parent
    folders = [beside, beside / "images", beside.parent / split, beside.parent / "images" / split]
    if images is not None:
        folders.insert(0, images.absolute())
    found = {
        id_: file
        for id_, image in listed.items()
        if (file := _find(image["file_name"], folders)) is not None
    }
    if not found:
        names = ", ".join(image["file_name"] for image in list(listed.values())[:2])
        raise DataError(
            f"None of the {len(listed)} images of {path} was found (first: {names or 'none'}). "
            f"Looked in {', '.join(map(str, folders))}. Name their folder with --images."
        )
    faults["missing-file"] += len(listed) - len(found)
    return found


def _find(file_name: str, folders: Sequence[Path]) -> Path | None:
    # Labelling tools write the path the image had on another machine, with any slashes.
    bare = PureWindowsPath(file_name).name
    candidates = (folder / name for folder in folders for name in (file_name, bare))
    return next((file for file in candidates if is_file(file)), None)


def _categories(content: _Json, path: Path) -> tuple[Category, ...]:
    entries = content.get("categories", [])
    if not isinstance(entries, list) or not all(_has(c, id=int, name=str) for c in entries):
        raise DataError(
            f"{path}, key 'categories': expected a list of {{id: number, name: text}}, found "
            f"{str(entries)[:100]}. Mend the file."
        )
    by_id = {entry["id"]: Category(entry["id"], entry["name"]) for entry in entries}
    return tuple(by_id[id_] for id_ in sorted(by_id))


def _labels(
    content: _Json,
    listed: dict[int, _Json],
    categories: tuple[Category, ...],
    faults: Counter[str],
) -> dict[int, list[Label]]:
    known = {category.id for category in categories}
    grouped: dict[int, list[Label]] = defaultdict(list)
    for entry in content["annotations"]:
        label = _label(entry)
        if label is None:
            faults["malformed-annotation"] += 1
        elif entry["image_id"] not in listed:
            faults["unknown-image-id"] += 1
        elif label.category not in known:
            faults["unknown-class-id"] += 1
        else:
            grouped[entry["image_id"]].append(label)
    return grouped


def _label(entry: Any) -> Label | None:
    if not _has(entry, image_id=int, category_id=int, bbox=list):
        return None
    if len(entry["bbox"]) != 4 or not all(isinstance(v, int | float) for v in entry["bbox"]):
        return None
    left, top, width, height = entry["bbox"]
    area = entry.get("area")
    return Label(
        xyxy=(left, top, left + width, top + height),
        category=entry["category_id"],
        crowd=bool(entry.get("iscrowd")),
        area=float(area) if isinstance(area, int | float) and abs(area) < FARTHEST_PX else None,
    )


def _size_hw(image: _Json) -> tuple[int, int] | None:
    height, width = image.get("height"), image.get("width")
    if not isinstance(height, int | float) or not isinstance(width, int | float):
        return None
    fits = 1 <= height < FARTHEST_PX and 1 <= width < FARTHEST_PX
    return (int(height), int(width)) if fits else None


def _has(entry: Any, **types: type) -> bool:
    return isinstance(entry, dict) and all(
        isinstance(entry.get(key), type_) for key, type_ in types.items()
    )
