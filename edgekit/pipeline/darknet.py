"""A Darknet network as what it is built from: ``.cfg``, ``.weights`` and ``.names``."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from edgekit.images.overlap import file_sha256
from edgekit.load.darknet import read_darknet
from edgekit.load.darknet_files import CFG, WEIGHTS, find_darknet, find_names
from edgekit.optional import require
from edgekit.pipeline.origin import Built, Origin, chosen_size

if TYPE_CHECKING:
    from pathlib import Path

    from edgekit.load.darknet import DarknetModel
    from edgekit.load.darknet_files import DarknetFiles
    from edgekit.pipeline.options import ModelOptions

_CLASSES = {"yolo": 20, "region": 20, "detection": 1}  # Darknet's own defaults
_SIDE = 416


def is_darknet(path: Path) -> bool:
    """Return whether ``path`` is called as one of Darknet's two files is."""
    return path.suffix.lower() in {CFG, WEIGHTS}


def darknet_origin(path: Path, options: ModelOptions) -> Origin:
    """Return the network whose ``.cfg`` or ``.weights`` is at ``path``, the other beside it.

    The report calls it by its weights.

    Raises:
        ModelError: A file is missing or damaged; ``build`` raises it where they do not fit.
    """
    files = find_darknet(path)
    model = read_darknet(files.cfg, files.weights)
    names, note = find_names(files, _class_count(model))
    said = {files.cfg.name: file_sha256(files.cfg)}

    def build() -> Built:
        return _build(files, model, options, (names, note))

    return Origin(files.weights, file_sha256(files.weights), build, said, repr((names, note)))


def _build(
    files: DarknetFiles,
    model: DarknetModel,
    options: ModelOptions,
    named: tuple[tuple[str, ...], str | None],
) -> Built:
    require("torch", extra="torch", needed_for=f"Reading '{files.weights}'")
    from edgekit.nets.darknet.build import build_darknet

    names, note = named
    detector = build_darknet(model)
    notes = (f"Wired as {files.cfg.name} says.", *detector.notes, *([note] if note else []))
    detector = replace(detector, class_names=names, notes=notes)
    net = model.sections[0]
    usual = net.whole("height", _SIDE), net.whole("width", _SIDE)
    return Built(detector, chosen_size(files.weights, detector, usual, options.input_hw))


def _class_count(model: DarknetModel) -> int:
    """Return how many classes the last head tells apart; 0 where there is no head."""
    heads = [section for section in model.sections if section.kind in _CLASSES]
    return heads[-1].whole("classes", _CLASSES[heads[-1].kind]) if heads else 0
