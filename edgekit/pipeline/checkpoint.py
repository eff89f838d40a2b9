"""PyTorch checkpoints: read without running them, and built from edgekit's own modules."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from edgekit.errors import ModelError, UnknownClassError
from edgekit.load.checkpoint.read import read_checkpoint, read_safetensors
from edgekit.load.checkpoint.state import find_state
from edgekit.load.content import PICKLE, ZIP, kind_of_content
from edgekit.optional import require
from edgekit.pipeline.origin import NAMED, WARNINGS, Built, Origin, chosen_size

if TYPE_CHECKING:
    from pathlib import Path

    from edgekit.load.checkpoint.values import Checkpoint
    from edgekit.nets.stored.build import LoadedDetector
    from edgekit.pipeline.options import ModelOptions

_SUFFIXES = frozenset({".pt", ".pth", ".ckpt", ".pt2", ".torchscript", ".safetensors"})
_TELLING = 16  # bytes at the start that are enough to tell kinds of files apart
_SIDE = 640
# The families that prepare images as an earlier one does, and may be given that one's name.
_PREPARED_AS = {"yolov7": "yolov5", "yolov9": "yolov8", "yolov10": "yolov8", "yolo11": "yolov8"}


def is_checkpoint(path: Path) -> bool:
    """Return whether ``path`` is a PyTorch checkpoint or a safetensors file, whole or damaged."""
    if path.suffix.lower() in _SUFFIXES:
        return True
    if path.suffix.lower() == ".onnx" or not path.is_file():
        return False
    with path.open("rb") as file:
        return kind_of_content(file.read(_TELLING)) in {ZIP, PICKLE}


def checkpoint_origin(path: Path, options: ModelOptions) -> Origin:
    """Return the checkpoint at ``path``, read as data.

    Raises:
        ModelError: It cannot be used; ``build`` raises it where it holds no network edgekit knows.
    """
    safe = path.suffix.lower() == ".safetensors"
    checkpoint = read_safetensors(path) if safe else read_checkpoint(path)

    def build() -> Built:
        detector, named = _build(checkpoint, options.family)
        usual = detector.side or _SIDE
        size_hw = chosen_size(path, detector, (usual, usual), options.input_hw)
        properties = {NAMED: "True"} if named else {}
        return Built(detector, size_hw, {**properties, WARNINGS: json.dumps(detector.warnings)})

    return Origin(path, checkpoint.sha256, build)


def _build(checkpoint: Checkpoint, family: str | None) -> tuple[LoadedDetector, bool]:
    """Return the detector, and whether it is known by name: ``family`` is no question any more."""
    require("torch", extra="torch", needed_for=f"Reading '{checkpoint.path}'")
    from edgekit.nets.stored.build import build_detector, holds_network

    if not holds_network(checkpoint):
        return _build_named(checkpoint, family), True
    try:
        detector = build_detector(checkpoint)
    except UnknownClassError as err:
        return _build_changed(checkpoint, family, err), True
    return detector, family is not None and _is_own(checkpoint, detector.family, family)


def _is_own(checkpoint: Checkpoint, own: str, asked: str) -> bool:
    """Return whether a whole model of the family ``own`` is what ``asked`` names.

    Raises:
        ModelError: It is not, and is not prepared for as that either.
    """
    from edgekit.nets.named import differences, is_called

    arrays = find_state(checkpoint).arrays
    if asked == own or is_called(asked, arrays):
        return True
    if asked == _PREPARED_AS.get(own):
        return False
    told = differences(asked, arrays)
    wanted = f"the weights of that network, found {told}" if told else f"{own}, found {asked}"
    raise ModelError(
        f"Cannot load '{checkpoint.path}' as {asked}: expected {wanted}. The file holds a whole "
        f"{own}, which says itself how wide and deep it is, pruned or not: leave --family out."
    )


def _build_named(
    checkpoint: Checkpoint, family: str | None, whole: tuple[str, ...] | None = None
) -> LoadedDetector:
    from edgekit.nets.named import build_named

    found = find_state(checkpoint)
    return build_named(checkpoint.path, found.arrays, family, found.notes, whole)


def _build_changed(
    checkpoint: Checkpoint, family: str | None, refusal: UnknownClassError
) -> LoadedDetector:
    """Return a whole model of unknown classes as the network the user says it is.

    Weights do not tell activations and wiring, so that is nothing to be found out.

    Raises:
        ModelError: ``refusal``, where the user says nothing.
    """
    from edgekit.nets.named import fitting, is_known
    from edgekit.nets.stored.build import stored_names

    if family is not None and is_known(family):
        return _build_named(checkpoint, family, stored_names(checkpoint))
    fits = fitting(find_state(checkpoint).arrays)
    if len(fits) != 1:
        raise refusal
    raise ModelError(
        f"{refusal} Or, its weights being named and shaped as those of {fits[0].name}: add "
        f"--family {fits[0].name}, if nothing but the training was changed."
    ) from refusal
