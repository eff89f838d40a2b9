"""What an ONNX file was exported from: which files, and the module they build."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from edgekit.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from edgekit.export.torch_onnx import TorchDetector

Size = tuple[int, int]

NAMED, WARNINGS = "edgekit.named", "edgekit.warnings"


@dataclass(frozen=True, eq=False)
class Built:
    """A module, and what its export is made for.

    Attributes:
        size_hw: Of the images, in pixels.
        properties: To write into the metadata of the export.
    """

    detector: TorchDetector
    size_hw: Size
    properties: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Origin:
    """A model that is no ONNX file; not built yet.

    Attributes:
        path: What the report calls it.
        sha256: Of the file at ``path``; empty where it is none.
        build: Makes the module.
        files: Names of the other files it is made of, to their sha256.
        more: What else the module depends on, as text.
    """

    path: Path
    sha256: str
    build: Callable[[], Built]
    files: Mapping[str, str] = field(default_factory=dict)
    more: str = ""

    @property
    def identity(self) -> str:
        """The hash of all it is made of; empty where that cannot be known before it is built."""
        files = (f"{name} {sha256}" for name, sha256 in self.files.items())
        parts = (self.sha256, *files, self.more)
        return hashlib.sha256("|".join(parts).encode()).hexdigest() if self.sha256 else ""


def chosen_size(path: Path, detector: TorchDetector, usual: Size, asked: Size | None) -> Size:
    """Return height and width of the images: as ``asked``, else ``usual`` rounded up to strides.

    Raises:
        ModelError: What is asked for is no multiple of the strides of ``detector``.
    """
    stride = int(max(detector.strides, default=1))
    if asked is None:
        return -(-usual[0] // stride) * stride, -(-usual[1] // stride) * stride
    if any(side % stride for side in asked):
        raise ModelError(
            f"Cannot load '{path}' at {asked[0]} x {asked[1]}: expected sides that are multiples "
            f"of its largest stride, {stride}. Choose another --input-size."
        )
    return asked
