"""PyTorch checkpoints as ONNX files: read without running them, built, exported, kept."""

from __future__ import annotations

import hashlib
import os
import re
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from platformdirs import user_cache_path

import edgekit
from edgekit.errors import ConfigError, ModelError
from edgekit.export.torch_onnx import INPUT, ExportOptions, export_detector
from edgekit.export.torch_parity import prove_export
from edgekit.graphs import graph_to_bytes
from edgekit.load.checkpoint.read import read_checkpoint, read_safetensors
from edgekit.load.checkpoint.state import find_state
from edgekit.optional import require
from edgekit.reparam.probes import probe_inputs

if TYPE_CHECKING:
    from edgekit.load.checkpoint.values import Checkpoint
    from edgekit.nets.build import LoadedDetector
    from edgekit.pipeline.options import ModelOptions
    from edgekit.protocols import Backend
    from edgekit.values import Floats, Graph

KEY, NAMED = "edgekit.export", "edgekit.named"
_SUFFIXES = frozenset({".pt", ".pth", ".ckpt", ".safetensors"})
_MAGIC = (b"PK\x03\x04", b"\x80\x02")  # a zip archive, and a pickle of torch before 1.6
_SIDE = 640
_CODE = ("export/torch_*.py", "load/checkpoint/*.py", "nets/**/*.py")


def is_checkpoint(path: Path) -> bool:
    """Return whether ``path`` is a PyTorch checkpoint or a safetensors file, whole or damaged."""
    if path.suffix.lower() in _SUFFIXES:
        return True
    if path.suffix.lower() == ".onnx" or not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(4).startswith(_MAGIC)


def refuse_code(path: Path) -> None:
    """Refuse what names a function that makes a model, as ``module:factory``.

    Raises:
        ModelError: ``path`` does.
    """
    if re.fullmatch(r"[\w.]+:\w+", str(path)) and not path.exists():
        raise ModelError(
            f"Cannot load '{path}': expected a file, found the name of a function, and edgekit "
            "runs no code to get at a model. Save what it makes with torch.save, or export it to "
            "ONNX, and give edgekit that file."
        )


def exported(path: Path, options: ModelOptions, backend: Backend) -> Path:
    """Return the ONNX file that the checkpoint at ``path`` exports to, kept from before or new.

    Its batch normalizations and branches are those of the checkpoint. Its metadata has the notes
    of the export, and under ``NAMED`` whether it was built as a published network, by name.

    Args:
        path: The checkpoint.
        options: What it leaves open, and the folder that keeps exports.
        backend: Runs the graph, which is compared with the torch module.

    Raises:
        ModelError: The checkpoint cannot be used.
        MissingExtraError: torch is not installed.
        StageError: The export fails, or computes something else.
        ConfigError: The file cannot be kept.
    """
    checkpoint = _read(path)
    key = _key(checkpoint.sha256, options)
    folder = options.cache or user_cache_path("edgekit")
    file = folder / f"export-{key[:32]}.onnx"
    if not _is_kept(file, key):
        graph = _export(checkpoint, options, backend, key)
        _keep(graph, file)
    return file


def _read(path: Path) -> Checkpoint:
    if path.suffix.lower() == ".safetensors":
        return read_safetensors(path)
    return read_checkpoint(path)


def _key(sha256: str, options: ModelOptions) -> str:
    """Return the hash of everything that the exported file depends on."""
    parts = [sha256, repr(options.input_hw), repr(options.family), _code_sha256()]
    parts += [f"{name} {_version(name)}" for name in ("torch", "onnxscript", "onnx-ir")]
    return hashlib.sha256("|".join(parts).encode()).hexdigest()


def _code_sha256() -> str:
    """Return the hash of the code that makes graphs of checkpoints."""
    root = Path(edgekit.__file__).parent
    files = sorted(file for pattern in _CODE for file in root.glob(pattern))
    return hashlib.sha256(b"|".join(file.read_bytes() for file in files)).hexdigest()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"


def _export(checkpoint: Checkpoint, options: ModelOptions, backend: Backend, key: str) -> Graph:
    detector, named = _build(checkpoint, options.family)
    size_hw = _size_hw(checkpoint.path, detector, options)
    properties = {KEY: key} | ({NAMED: "True"} if named else {})
    graph = export_detector(detector, ExportOptions(size_hw, properties=properties))
    noise, picture = (feeds[INPUT].astype(np.float32) for feeds in probe_inputs(graph))
    images: list[Floats] = [noise, picture / np.float32(255)]
    prove_export(detector, graph, backend, images)
    return graph


def _build(checkpoint: Checkpoint, family: str | None) -> tuple[LoadedDetector, bool]:
    """Return the detector, and whether it was built by name rather than by what the file says."""
    require("torch", extra="torch", needed_for=f"Reading '{checkpoint.path}'")
    from edgekit.nets.build import build_detector, holds_network

    if not holds_network(checkpoint):
        return _build_named(checkpoint, family), True
    try:
        return build_detector(checkpoint), False
    except ModelError as err:
        return _build_changed(checkpoint, family, err), True


def _build_named(checkpoint: Checkpoint, family: str | None) -> LoadedDetector:
    from edgekit.nets.named import build_named

    found = find_state(checkpoint)
    return build_named(checkpoint.path, found.arrays, family, found.notes)


def _build_changed(
    checkpoint: Checkpoint, family: str | None, refusal: ModelError
) -> LoadedDetector:
    """Return a whole model of unknown classes as the network the user says it is.

    Weights do not tell activations and wiring, so that is nothing to be found out.

    Raises:
        ModelError: ``refusal``, where the user says nothing.
    """
    from edgekit.nets.named import fitting, is_known

    if family is not None and is_known(family):
        return _build_named(checkpoint, family)
    fits = fitting(find_state(checkpoint).arrays)
    if len(fits) != 1:
        raise refusal
    raise ModelError(
        f"{refusal} Or, its weights being named and shaped as those of {fits[0].name}: add "
        f"--family {fits[0].name}, if nothing but the training was changed."
    ) from refusal


def _size_hw(path: Path, detector: LoadedDetector, options: ModelOptions) -> tuple[int, int]:
    """Return the input size: the user's, else that of the training, else 640."""
    stride = int(max(detector.strides))
    if options.input_hw is None:
        side = -(-(detector.side or _SIDE) // stride) * stride
        return side, side
    if any(side % stride for side in options.input_hw):
        height, width = options.input_hw
        raise ModelError(
            f"Cannot load '{path}' at {height} x {width}: expected sides that are multiples of "
            f"its largest stride, {stride}. Choose another --input-size."
        )
    return options.input_hw


def _is_kept(file: Path, key: str) -> bool:
    try:
        properties = onnx.ModelProto.FromString(file.read_bytes()).metadata_props
    except (OSError, DecodeError):
        return False
    return any(entry.key == KEY and entry.value == key for entry in properties)


def _keep(graph: Graph, file: Path) -> None:
    part = file.with_suffix(f".{os.getpid()}.part")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(graph_to_bytes(graph))
        part.replace(file)
    except OSError as err:
        raise ConfigError(
            f"Cannot write {file}, the ONNX export of the checkpoint: {err.strerror}. Set "
            "EDGEKIT_CACHE to a folder that can be written."
        ) from err
