"""Weights kept in files beside the model, and only there.

A model file names those files itself, so a hostile one could name any file of the machine.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING

import onnx
from onnx.external_data_helper import ExternalDataInfo, load_external_data_for_model

from edgekit.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def read_external_data(proto: onnx.ModelProto, path: Path) -> tuple[Path, ...]:
    """Return the files that hold weights of ``proto``, sorted, their data now inside ``proto``.

    Every name is checked before any file is opened.

    Raises:
        ModelError: A name is absolute, leaves the folder of ``path`` (also through a symbolic
            link), or the file is missing or too short.
    """
    files = {_checked(tensor, path) for tensor in _tensors(proto) if _is_external(tensor)}
    if files:
        try:
            load_external_data_for_model(proto, str(path.parent))
        except (OSError, ValueError, onnx.checker.ValidationError) as err:
            raise ModelError(
                f"Cannot load '{path}': expected weights in {sorted(f.name for f in files)}, "
                f"found: {err}. Copy all files of the model again."
            ) from err
    return tuple(sorted(files))


def _checked(tensor: onnx.TensorProto, path: Path) -> Path:
    """Return the file that holds ``tensor``, after every check that needs no opening."""
    info = ExternalDataInfo(tensor)
    folder = path.parent.resolve()
    file = (folder / info.location).resolve()
    if _leaves(info.location) or not file.is_relative_to(folder):
        raise ModelError(
            f"Cannot load '{path}': the weights of '{tensor.name}' are in '{info.location}': "
            f"expected a file inside '{folder}', found a path that leaves it. If you trust the "
            "model, copy that file into the model's folder and save the model again."
        )
    if not file.is_file():
        raise ModelError(
            f"Cannot load '{path}': the weights of '{tensor.name}' are in '{info.location}': "
            "expected that file beside the model, found none. Copy it there."
        )
    end = (info.offset or 0) + (info.length or 0)
    if end > file.stat().st_size:
        raise ModelError(
            f"Cannot load '{path}': the weights of '{tensor.name}' end at byte {end} of "
            f"'{info.location}', found {file.stat().st_size} bytes. Copy the file again."
        )
    return file


def _leaves(location: str) -> bool:
    posix, windows = PurePosixPath(location), PureWindowsPath(location)
    climbs = ".." in posix.parts or ".." in windows.parts
    return climbs or posix.is_absolute() or bool(windows.drive or windows.root)


def _is_external(tensor: onnx.TensorProto) -> bool:
    return bool(tensor.data_location == onnx.TensorProto.EXTERNAL)


def _tensors(proto: onnx.ModelProto) -> Iterator[onnx.TensorProto]:
    """Yield every tensor that may carry data: initializers and attributes, at any depth."""
    yield from _graph_tensors(proto.graph)
    for function in proto.functions:
        yield from _node_tensors(function.node)


def _graph_tensors(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    yield from _node_tensors(graph.node)


def _node_tensors(nodes: Iterable[onnx.NodeProto]) -> Iterator[onnx.TensorProto]:
    for attribute in (attribute for node in nodes for attribute in node.attribute):
        yield attribute.t
        yield from attribute.tensors
        for sparse in (attribute.sparse_tensor, *attribute.sparse_tensors):
            yield from (sparse.values, sparse.indices)
        for graph in (attribute.g, *attribute.graphs):
            yield from _graph_tensors(graph)
