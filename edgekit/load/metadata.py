"""What exporters write beside the graph: class names, image size, task."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import onnx


@dataclass(frozen=True)
class ExporterMetadata:
    """What an exporter says about its model; what it does not say is empty or ``None``."""

    properties: dict[str, str]
    class_names: tuple[str, ...]
    size_hw: tuple[int, int] | None
    task: str | None


def read_metadata(proto: onnx.ModelProto) -> ExporterMetadata:
    """Return the metadata of ``proto``; entries that do not parse count as not there.

    Source:
        Ultralytics' exporter: ``names``, ``imgsz`` and ``task`` as Python literals.
    """
    properties = {entry.key: entry.value for entry in proto.metadata_props}
    return ExporterMetadata(
        properties,
        _class_names(_literal(properties.get("names"))),
        _size(_literal(properties.get("imgsz"))),
        properties.get("task"),
    )


def _literal(text: str | None) -> Any:
    """Return the Python literal in ``text``; nothing in it is ever executed."""
    try:
        return None if text is None else ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None


def _class_names(value: Any) -> tuple[str, ...]:
    if isinstance(value, dict) and set(value) == set(range(len(value))):
        value = [value[index] for index in range(len(value))]
    if isinstance(value, list | tuple) and all(isinstance(name, str) for name in value):
        return tuple(value)
    return ()


def _size(value: Any) -> tuple[int, int] | None:
    sides = [value, value] if isinstance(value, int) else value
    if not isinstance(sides, list | tuple) or len(sides) != 2:
        return None
    if not all(isinstance(side, int) and side > 0 for side in sides):
        return None
    return sides[0], sides[1]
