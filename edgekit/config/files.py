"""YAML files that ship with edgekit, and a user's own: found, read, checked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from edgekit.errors import ConfigError, UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic_core import ErrorDetails

Kind = Literal["recipe", "device", "calibration"]
Model = TypeVar("Model", bound=BaseModel)

_FOLDERS: Mapping[Kind, str] = {"recipe": "recipes", "device": "devices", "calibration": "calib"}


@dataclass(frozen=True)
class YamlFile:
    """A YAML file whose top level is a mapping.

    Attributes:
        path: The file.
        content: What it says, not yet checked against a schema.
        shipped: Whether it came with edgekit.
    """

    path: Path
    content: dict[str, Any]
    shipped: bool


def find(kind: Kind, name: str) -> YamlFile:
    """Return the file called ``name`` among those shipped, or the one ``name`` is a path to.

    Raises:
        UnknownNameError: Neither exists.
        ConfigError: It is not YAML, or not a mapping.
    """
    own = Path(name).expanduser()
    if own.suffix in {".yaml", ".yml"}:
        return YamlFile(own, _read(own), shipped=False)
    if name not in names(kind):
        raise UnknownNameError(kind, name, names(kind))
    path = folder(kind) / f"{name}.yaml"
    return YamlFile(path, _read(path), shipped=True)


def names(kind: Kind) -> tuple[str, ...]:
    """Return the names of the shipped files of one kind, sorted."""
    return tuple(sorted(file.stem for file in folder(kind).glob("*.yaml")))


def folder(kind: Kind) -> Path:
    """Return the folder of one kind: inside the installed package, or of the checkout."""
    package = Path(__file__).parents[1]
    inside = package / _FOLDERS[kind]
    return inside if inside.is_dir() else package.parent / _FOLDERS[kind]


def parse(schema: type[Model], content: dict[str, Any], path: Path) -> Model:
    """Return ``content`` checked against ``schema``.

    Raises:
        ConfigError: It does not fit; names the file, each key, what was expected and found.
    """
    try:
        return schema.model_validate(content)
    except ValidationError as err:
        faults = "\n".join(f"  {_fault(detail)}" for detail in err.errors())
        raise ConfigError(f"{path} does not fit its schema:\n{faults}\nMend these keys.") from err


def _fault(detail: ErrorDetails) -> str:
    key = ".".join(map(str, detail["loc"])) or "the file"
    expected = detail["msg"][:1].lower() + detail["msg"][1:]
    if detail["type"] in {"missing", "extra_forbidden"}:
        return f"key '{key}': {expected}"
    return f"key '{key}': {expected}, found {detail['input']!r}"


def _read(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_bytes())
    except OSError as err:
        raise ConfigError(f"Cannot read {path}: {err.strerror}. Check the path.") from err
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as err:
        raise ConfigError(f"{path} is not YAML: {err}. Mend the line.") from err
    if not isinstance(content, dict):
        raise ConfigError(
            f"{path}: expected keys and values, found {type(content).__name__}. "
            "Start from a file that ships with edgekit."
        )
    return content
