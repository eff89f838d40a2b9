"""ONNX files as bytes on disk: read whole, or refused with what they seem to be instead."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import onnx
from google.protobuf.message import DecodeError

from edgekit.errors import ModelError
from edgekit.load.content import ONNX, kind_of_content
from edgekit.load.external import read_external_data

if TYPE_CHECKING:
    from pathlib import Path

_KINDS = (
    (b"version https://git-lfs", "a Git LFS pointer", "Fetch the real file with 'git lfs pull'."),
    (b"<", "a web page or XML", "Download the file itself, or export to ONNX."),
)
_TEXT = bytes(range(32, 127)) + b"\t\r\n"


@dataclass(frozen=True, eq=False)
class OnnxFile:
    """A parsed ONNX file with all its weights, and the sha256 of all the bytes it came from."""

    proto: onnx.ModelProto
    sha256: str


def read_onnx(path: Path) -> OnnxFile:
    """Return what the file at ``path`` holds, external data included.

    Raises:
        ModelError: There is no file, it is not ONNX, it is cut short, or its external data lies
            outside its folder.
    """
    data = _read(path)
    try:
        proto = onnx.ModelProto.FromString(data)
    except DecodeError as err:
        raise _not_onnx(path, data) from err
    if not proto.graph.node or not proto.opset_import or not _has_readable_names(proto):
        raise _not_onnx(path, data)
    for item in (*proto.opset_import, *proto.graph.node):
        if item.domain == "ai.onnx":  # the standard operators' other name
            item.domain = ""
    digest = hashlib.sha256(data)
    for file in read_external_data(proto, path):
        with file.open("rb") as stream:
            while chunk := stream.read(1 << 20):
                digest.update(chunk)
    return OnnxFile(proto, digest.hexdigest())


def _has_readable_names(proto: onnx.ModelProto) -> bool:
    """Return whether names are text; protobuf hands on damaged ones as bytes."""
    graph = proto.graph
    names = [value.name for value in (*graph.input, *graph.output, *graph.initializer)]
    for node in graph.node:
        names += [node.op_type, node.domain, node.name, *node.input, *node.output]
    return all(isinstance(name, str) for name in names)


def _read(path: Path) -> bytes:
    if path.is_dir():
        raise ModelError(
            f"Cannot load '{path}': expected an ONNX file, found a folder. Name the file in it."
        )
    try:
        data = path.read_bytes()
    except FileNotFoundError as err:
        raise ModelError(
            f"Cannot load '{path}': expected an ONNX file, found nothing there. Check the path."
        ) from err
    except OSError as err:
        raise ModelError(
            f"Cannot load '{path}': expected a readable ONNX file, found: {err.strerror}. "
            "Check its permissions."
        ) from err
    if not data:
        raise ModelError(
            f"Cannot load '{path}': expected an ONNX file, found 0 bytes. Copy or export it again."
        )
    return data


def _not_onnx(path: Path, data: bytes) -> ModelError:
    found, remedy = (
        "bytes that end too early, are damaged, or are no ONNX model",
        "Copy or export it again.",
    )
    other = kind_of_content(data[:16])
    if other not in {None, ONNX}:
        found, remedy = other.name, other.remedy
    for magic, kind, advice in _KINDS:
        if data.lstrip().startswith(magic):
            return ModelError(
                f"Cannot load '{path}': expected an ONNX file, found {kind}. {advice}"
            )
    if not data[:512].translate(None, _TEXT):
        found, remedy = "a text file", "Name the model file, or export the model to ONNX."
    return ModelError(
        f"Cannot load '{path}': expected an ONNX file, found {found} ({len(data)} bytes). {remedy}"
    )
