"""Models that are no ONNX files, exported to one: proven, and kept by what they are made from."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from platformdirs import user_cache_path

import edgekit
from edgekit.errors import ConfigError
from edgekit.export.check import valid_onnx
from edgekit.export.torch_onnx import INPUT, NOTES, ExportOptions, export_detector
from edgekit.export.torch_parity import prove_export
from edgekit.graphs import graph_to_bytes
from edgekit.load.onnx_file import load_onnx
from edgekit.load.program import kind_of_program, refuse_function
from edgekit.measure.machine import installed_versions
from edgekit.pipeline.checkpoint import checkpoint_origin, is_checkpoint
from edgekit.pipeline.darknet import darknet_origin, is_darknet
from edgekit.pipeline.kept import asked_for, keep
from edgekit.pipeline.program import program_origin
from edgekit.reparam.probes import probe_inputs

if TYPE_CHECKING:
    from edgekit.pipeline.options import ModelOptions
    from edgekit.pipeline.origin import Origin
    from edgekit.protocols import Backend
    from edgekit.values import Floats, Graph, SourceModel

KEY, _VERSIONS = "edgekit.export", "edgekit.versions"
_EXPORTERS = ("torch", "onnxscript", "onnx-ir")
_CODE = ("export/torch_*.py", "load/checkpoint/*.py", "load/darknet*.py", "nets/**/*.py")


def origin_of(path: Path, options: ModelOptions) -> Origin | None:
    """Return the checkpoint, Darknet network or program at ``path``; ``None``: it is none of them.

    Nothing of it is run.

    Raises:
        ModelError: It cannot be read, or is code and the user does not say that it is trusted.
    """
    kind = kind_of_program(path) if options.trust_code else None
    if kind is not None:
        return program_origin(path, kind, options)
    refuse_function(path)
    if is_checkpoint(path):
        return checkpoint_origin(path, options)
    return darknet_origin(path, options) if is_darknet(path) else None


def read_exported(origin: Origin, options: ModelOptions, backend: Backend) -> SourceModel:
    """Return the model of ``origin`` by way of its ONNX export, which is new or kept from before.

    Args:
        origin: What it is made from.
        options: What that leaves open, and the folder that keeps exports.
        backend: Runs the graph, which is compared with the torch module.

    Raises:
        ModelError: It cannot be used.
        MissingExtraError: torch is not installed.
        StageError: The export fails, is not valid ONNX, or computes something else.
        ConfigError: The file cannot be kept.
    """
    file = exported(origin, options, backend)
    loaded = load_onnx(file, backend)
    return replace(
        loaded,
        path=origin.path,
        sha256=origin.sha256 or loaded.sha256,
        notes=(*json.loads(loaded.metadata[NOTES]), *loaded.notes),
        export=file,
        files=dict(origin.files),
    )


def exporter_versions(source: SourceModel) -> dict[str, str]:
    """Return the versions of what exported ``source``, by package; none for an ONNX file."""
    if source.export is None:
        return {}
    versions: dict[str, str] = json.loads(source.metadata[_VERSIONS])
    return versions


def exported(origin: Origin, options: ModelOptions, backend: Backend) -> Path:
    """Return the ONNX file that ``origin`` exports to, kept from before or new.

    Its batch normalizations and branches are those of the model. Its metadata has the notes of
    the export, and under ``origin.NAMED`` whether it is known by the name of a network.

    Args:
        origin: What to export.
        options: What it leaves open, and the folder that keeps exports.
        backend: Runs the graph, which is compared with the torch module.

    Raises:
        ModelError: It cannot be used.
        MissingExtraError: torch is not installed.
        StageError: The export fails, is not valid ONNX, or computes something else.
        ConfigError: The file cannot be kept.
    """
    folder = options.cache or user_cache_path("edgekit")
    if not origin.identity:
        graph = _export(origin, backend, {})
        file = _file(folder, graph.sha256)
        _keep(graph, file)
        return file
    key = _key(origin.identity, options)
    file = _file(folder, key)
    if not _is_kept(file, key):
        _keep(_export(origin, backend, {KEY: key}), file)
    return file


def _file(folder: Path, key: str) -> Path:
    return folder / f"export-{key[:32]}.onnx"


def _key(sha256: str, options: ModelOptions) -> str:
    """Return the hash of everything that the exported file depends on."""
    parts = [sha256, repr(options.input_hw), repr(options.family), _code_sha256()]
    parts += [f"{name} {found}" for name, found in installed_versions(_EXPORTERS).items()]
    return hashlib.sha256("|".join(parts).encode()).hexdigest()


def _code_sha256() -> str:
    """Return the hash of the code that makes graphs of models."""
    root = Path(edgekit.__file__).parent
    files = sorted(file for pattern in _CODE for file in root.glob(pattern))
    return hashlib.sha256(b"|".join(file.read_bytes() for file in files)).hexdigest()


def _export(origin: Origin, backend: Backend, properties: dict[str, str]) -> Graph:
    built = origin.build()
    versions = {_VERSIONS: json.dumps(installed_versions(_EXPORTERS))}
    properties = {**built.properties, **versions, **properties}
    options = ExportOptions(built.size_hw, properties=properties)
    graph = export_detector(built.detector, options)
    prove_export(built.detector, graph, backend, _images(graph))
    return graph


def _images(graph: Graph) -> list[Floats]:
    noise, picture = (feeds[INPUT].astype(np.float32) for feeds in probe_inputs(graph))
    return [noise, picture / np.float32(255)]


def _is_kept(file: Path, key: str) -> bool:
    try:
        properties = onnx.ModelProto.FromString(asked_for(file).read_bytes()).metadata_props
    except (OSError, DecodeError):
        return False
    return any(entry.key == KEY and entry.value == key for entry in properties)


def _keep(graph: Graph, file: Path) -> None:
    data = valid_onnx(graph_to_bytes(graph), f"{file.name}, the ONNX export of the model,")
    try:
        keep(file, data, "export-*.onnx")
    except OSError as err:
        raise ConfigError(
            f"Cannot write {file}, the ONNX export of the model: {err.strerror}. Set "
            "EDGEKIT_CACHE to a folder that can be written."
        ) from err
