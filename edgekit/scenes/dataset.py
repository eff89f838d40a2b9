"""Scenes as a COCO data set on disk: written where a user asks, or kept in the cache."""

from __future__ import annotations

import hashlib
import json
import shutil
import uuid
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from edgekit.errors import ConfigError
from edgekit.images.coco import open_coco
from edgekit.images.folder import is_file
from edgekit.images.overlap import file_sha256
from edgekit.protocols import silent
from edgekit.scenes.bitmap import to_bmp
from edgekit.scenes.scene import render_scene
from edgekit.scenes.sources import DIGITS, Split

if TYPE_CHECKING:
    from pathlib import Path

    from edgekit.protocols import Progress
    from edgekit.scenes.raster import Box
    from edgekit.scenes.scene import Scene
    from edgekit.values import Dataset

# Raised by whoever changes a pixel or a box of any scene: cached ones are rendered again then.
RENDERER = 1

_JSON = "instances.json"
_MADE_BY = "edgekit: digits of scikit-learn on its photographs"

_Json = dict[str, Any]


@dataclass(frozen=True)
class SceneRequest:
    """Which scenes: numbers 0 to ``count - 1`` of ``split``, as ``seed`` draws them."""

    split: Split
    count: int
    seed: int = 0

    def __post_init__(self) -> None:
        if self.count < 1:
            raise ConfigError(
                f"Scenes of split '{self.split}': expected a count of 1 or more, found "
                f"{self.count}. Ask for at least one scene."
            )


def write_scenes(request: SceneRequest, folder: Path, progress: Progress = silent) -> Path:
    """Write ``folder`` with ``images/000000.bmp`` and so on; return its COCO json.

    The folder appears whole or not at all. One that already holds these scenes stays as it is,
    one that holds other scenes written by this function is replaced.

    Raises:
        ConfigError: ``folder`` holds other files, or cannot be written.
        MissingExtraError: scikit-learn is not installed.
    """
    folder = folder.absolute()
    if not _is_whole(folder, request):
        _refuse_foreign(folder)
        work = _beside(folder)
        try:
            _render(request, work, progress)
            _put_in_place(work, folder)
        except OSError as err:
            # Another process may have put the same scenes there first.
            if not _is_whole(folder, request):
                raise _unwritable(folder, err, "Choose another folder.") from err
        finally:
            shutil.rmtree(work, ignore_errors=True)
    return folder / _JSON


def rendered_dataset(request: SceneRequest, cache: Path) -> Dataset:
    """Return the scenes as a labelled data set; rendered once, later only opened.

    Every file of a scene has one possible content and is put in its place in one step. So
    processes that render the same scenes at once only repeat each other, and damaged files are
    mended while others read.

    Args:
        request: Which scenes.
        cache: Folder that keeps them, in one folder per request and version of the renderer.

    Raises:
        ConfigError: ``cache`` cannot be written.
        MissingExtraError: They have to be rendered, and scikit-learn is not installed.
    """
    name = f"scenes-{RENDERER}-{request.split}-{request.count}-{request.seed}"
    folder = cache.absolute() / name
    if not _is_whole(folder, request):
        try:
            _render(request, folder, silent)
        except OSError as err:
            advice = "Set EDGEKIT_CACHE to a folder that can be written."
            raise _unwritable(folder, err, advice) from err
    return open_coco(folder / _JSON)


def _render(request: SceneRequest, folder: Path, progress: Progress) -> None:
    """Write every file, the json last: where it is, the images are."""
    images: list[_Json] = []
    annotations: list[_Json] = []
    for index in range(request.count):
        scene = render_scene(request.split, index, request.seed)
        content = to_bmp(scene.image)
        images.append(_image(index, scene, content))
        for box, digit in zip(scene.boxes, scene.classes, strict=True):
            # Tools that evaluate COCO files take an annotation of id 0 for none.
            annotations.append(_annotation(len(annotations) + 1, index, box, digit))
        _put(folder / "images" / images[-1]["file_name"], content)
        progress("render scenes", index + 1, request.count)
    categories = [{"id": digit, "name": name} for digit, name in enumerate(DIGITS)]
    described: _Json = {"images": images, "annotations": annotations, "categories": categories}
    whole = {"info": _info(request, described), **described}
    _put(folder / _JSON, json.dumps(whole, indent=1).encode())


def _image(index: int, scene: Scene, content: bytes) -> _Json:
    height, width, _ = scene.image.shape
    return {
        "id": index,
        "file_name": f"{index:06}.bmp",
        "width": width,
        "height": height,
        "sha256": hashlib.sha256(content).hexdigest(),
    }


def _annotation(id_: int, image: int, box: Box, digit: int) -> _Json:
    return {
        "id": id_,
        "image_id": image,
        "category_id": digit,
        "bbox": [box.left, box.top, box.right - box.left, box.bottom - box.top],
        "area": box.area,
        "iscrowd": 0,
    }


def _info(request: SceneRequest, content: _Json) -> _Json:
    """Return what a json says of itself: what was asked for, and a hash of the rest."""
    made = {"description": _MADE_BY, "renderer": RENDERER}
    return {**made, **asdict(request), "sha256": _digest(content)}


def _digest(content: _Json) -> str:
    rest = {key: value for key, value in content.items() if key != "info"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def _is_whole(folder: Path, request: SceneRequest) -> bool:
    """Return whether ``folder`` holds the scenes of ``request``, each file as it was written."""
    content = _read(folder / _JSON)
    if content.get("info") != _info(request, content):
        return False
    files = ((folder / "images" / i["file_name"], i["sha256"]) for i in content["images"])
    return all(is_file(path) and file_sha256(path) == sha256 for path, sha256 in files)


def _read(path: Path) -> _Json:
    """Return what a json says; nothing where there is none or it was cut short."""
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _refuse_foreign(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"{folder}: expected a folder, found a file. Choose another folder.")
    foreign = _foreign(folder) if folder.is_dir() else None
    if foreign is not None:
        raise ConfigError(
            f"{folder}: expected a new folder or one that holds scenes and nothing else, found "
            f"'{foreign}', which would be lost. Choose another folder; nothing was changed."
        )


def _foreign(folder: Path) -> str | None:
    """Return the first file of ``folder`` that ``write_scenes`` did not put there."""
    content = _read(folder / _JSON)
    info = content.get("info")
    ours: set[str] = set()
    if isinstance(info, dict) and info.get("sha256") == _digest(content):
        ours = {_JSON, "images", *(f"images/{image['file_name']}" for image in content["images"])}
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))
    return next((name for name in names if name not in ours), None)


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")


def _put(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = _beside(path)
    try:
        part.write_bytes(content)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _put_in_place(work: Path, folder: Path) -> None:
    previous = work.with_name(f"{work.name}.previous")
    if folder.exists():
        folder.rename(previous)
    try:
        work.rename(folder)
    except OSError:
        if previous.exists() and not folder.exists():
            previous.rename(folder)
        raise
    finally:
        shutil.rmtree(previous, ignore_errors=True)


def _unwritable(folder: Path, err: OSError, advice: str) -> ConfigError:
    return ConfigError(f"Cannot write {folder}: {err.strerror}. {advice}")
