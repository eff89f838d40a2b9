"""Pascal VOC data sets: one XML file per image."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from edgekit.errors import DataError
from edgekit.images.folder import SUFFIXES, is_image
from edgekit.images.labels import Label, truth_from_labels
from edgekit.values import Category, Dataset, ImageRecord

if TYPE_CHECKING:
    from pathlib import Path

_CORNERS = ("xmin", "ymin", "xmax", "ymax")


@dataclass(frozen=True)
class _Object:
    name: str
    xyxy: tuple[float, float, float, float]
    difficult: bool


@dataclass(frozen=True)
class _Annotation:
    file_name: str
    size_hw: tuple[int, int] | None
    objects: tuple[_Object, ...]


def is_voc(path: Path) -> bool:
    """Return whether ``path`` is a folder laid out as Pascal VOC."""
    return (path / "Annotations").is_dir()


def open_voc(path: Path, split: str | None = None) -> Dataset:
    """Return a Pascal VOC data set.

    Corners are taken as edges in pixels, as most tools that write this format mean them. Objects
    marked difficult become crowd: finding them is no error and missing them neither. Category ids
    are the alphabetical rank of the names over all annotations, whatever the split.

    Args:
        path: Folder with ``Annotations`` and ``JPEGImages``.
        split: A list under ``ImageSets/Main``; ``None`` takes every annotated image.

    Raises:
        DataError: The list does not exist, or no image is left.
    """
    faults: Counter[str] = Counter()
    annotations = _annotations(path, faults)
    names = sorted({o.name for annotation in annotations.values() for o in annotation.objects})
    ids = {name: id_ for id_, name in enumerate(names, start=1)}
    records: list[ImageRecord] = []
    for stem in _stems(path, split) if split else sorted(annotations):
        annotation = annotations.get(stem)
        image = _image(path, stem, annotation)
        if annotation is None:
            faults["image-without-label-file"] += 1
        elif image is None:
            faults["missing-file"] += 1
        else:
            records.append(_record(len(records) + 1, image, annotation, ids, faults))
    if not records:
        raise DataError(
            f"No annotated image in {path}: found {len(annotations)} readable files under "
            f"Annotations and none of their images under JPEGImages. Check the folder."
        )
    name = f"{path}#{split}" if split else str(path)
    categories = tuple(Category(id_, name) for name, id_ in ids.items())
    return Dataset(name, tuple(records), categories, dict(+faults))


def _annotations(path: Path, faults: Counter[str]) -> dict[str, _Annotation]:
    annotations = {}
    for file in (path / "Annotations").glob("*.xml"):
        annotation = _parse(file, faults)
        if annotation is None:
            faults["malformed-annotation"] += 1
        else:
            annotations[file.stem] = annotation
    return annotations


def _parse(file: Path, faults: Counter[str]) -> _Annotation | None:
    try:
        # Python's parser fetches no external entity and bounds how far internal ones expand.
        root = ET.parse(file).getroot()  # noqa: S314
    except (ET.ParseError, OSError):
        return None
    objects = [_object(element) for element in root.iter("object")]
    faults["malformed-annotation"] += objects.count(None)
    return _Annotation(
        file_name=root.findtext("filename", "").strip(),
        size_hw=_size_hw(root),
        objects=tuple(o for o in objects if o is not None),
    )


def _object(element: ET.Element) -> _Object | None:
    name = element.findtext("name", "").strip()
    try:
        left, top, right, bottom = (float(element.findtext(f"bndbox/{c}", "")) for c in _CORNERS)
    except ValueError:
        return None
    difficult = element.findtext("difficult", "0").strip() == "1"
    return _Object(name, (left, top, right, bottom), difficult) if name else None


def _size_hw(root: ET.Element) -> tuple[int, int] | None:
    try:
        height, width = (int(root.findtext(f"size/{side}", "")) for side in ("height", "width"))
    except ValueError:
        return None
    return (height, width) if height > 0 and width > 0 else None


def _stems(path: Path, split: str) -> list[str]:
    lists = {file.stem: file for file in (path / "ImageSets").rglob("*.txt")}
    if split not in lists:
        raise DataError(
            f"{path} has no list '{split}' under ImageSets: found "
            f"{', '.join(sorted(lists)) or 'none'}. Name one of these, or none for all images."
        )
    lines = lists[split].read_text(encoding="utf-8", errors="replace").split("\n")
    # Lists per class carry a second column.
    return [line.split()[0] for line in lines if line.strip()]


def _image(path: Path, stem: str, annotation: _Annotation | None) -> Path | None:
    folder = (path / "JPEGImages").absolute()
    names = [annotation.file_name] if annotation and annotation.file_name else []
    names += [stem + suffix for suffix in sorted(SUFFIXES)]
    return next((folder / name for name in names if is_image(folder / name)), None)


def _record(
    id_: int,
    image: Path,
    annotation: _Annotation,
    ids: dict[str, int],
    faults: Counter[str],
) -> ImageRecord:
    labels = [Label(o.xyxy, ids[o.name], crowd=o.difficult) for o in annotation.objects]
    truth = truth_from_labels(labels, annotation.size_hw, faults)
    return ImageRecord(id_, image, annotation.size_hw, truth)
