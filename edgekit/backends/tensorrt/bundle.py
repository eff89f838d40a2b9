"""The bundle: a folder that builds and measures engines on a board that has no edgekit.

```
bundle.json           what it was made of, which file is for what, the SHA-256 of every file
versions.json         the table of TensorRT versions with their command lines
models/*.onnx         one file per precision and typing; equal ones are stored once
inputs/*.bin          raw inputs whose outputs are wanted, if any
measure.py            python3 measure.py
on_device/*.py        what it runs
cache/ result/        written on the board
```
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from importlib.metadata import version
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from edgekit.backends.tensorrt.trtexec import BUILT, table
from edgekit.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from edgekit.backends.tensorrt.versions import Built, Typing

MANIFEST = "bundle.json"
TABLE = "versions.json"
LAUNCHER = "measure.py"
RESULT = "result/result.json"
SCHEMA = 1
_PROGRAM = "on_device"
# It may be run by any Python, so it has no syntax of this century until it knows which one.
_LAUNCHER = '''\
"""Builds and measures on this board: python3 measure.py. With --help it tells more."""

import sys

if sys.version_info < (3, 8):
    sys.exit("measure.py needs Python 3.8 or later, found " + sys.version.split()[0])

sys.dont_write_bytecode = True  # nothing is left behind but cache and result

from on_device.main import main

sys.exit(main())
'''


@dataclass(frozen=True)
class Inputs:
    """Inputs whose outputs are wanted from the board, to be scored where edgekit is.

    Attributes:
        name: Of the network's input.
        values: Raw bytes as the network takes them, by a name that is good for a file.
    """

    name: str
    values: Mapping[str, bytes]


@dataclass(frozen=True)
class Extra:
    """What goes along.

    Attributes:
        model: Of the manifest's ``model``: where it came from, its classes, its input.
        files: Further files by their name in the bundle, ranges for example.
        inputs: What is to be run.
    """

    model: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)
    inputs: Inputs | None = None


def write(
    folder: Path, models: Mapping[Built, Mapping[Typing, bytes]], extra: Extra | None = None
) -> dict[str, str]:
    """Write a bundle and return the SHA-256 of each of its files by name.

    Args:
        folder: Made where it is missing; what is in it under the same names is replaced.
        models: ONNX files by precision and by the typing they are made for.
        extra: What goes along.

    Raises:
        ConfigError: There is no model, or a further file would take the place of another.
    """
    if not models:
        raise ConfigError(f"bundle {folder}: expected models of {', '.join(BUILT)}, found none.")
    extra = extra or Extra()
    stored, names = _stored(models)
    contents = {
        **stored,
        **_inputs(extra.inputs),
        **_program(),
        TABLE: _json(table()),
    }
    for name in extra.files:
        if name in contents or name == MANIFEST or name.startswith(("cache/", "result/")):
            raise ConfigError(f"bundle {folder}: '{name}' is a file of the bundle's own.")
    contents.update(extra.files)
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    manifest = _manifest(contents, sums, names, extra)
    for name, content in {**contents, MANIFEST: _json(manifest)}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return sums


def _stored(
    models: Mapping[Built, Mapping[Typing, bytes]],
) -> tuple[dict[str, bytes], dict[str, dict[str, str]]]:
    """Return the files of ``models``, each content once, and which of them is for what."""
    held: dict[bytes, str] = {}
    names: dict[str, dict[str, str]] = {}
    for precision, by_typing in models.items():
        names[precision] = {}
        for typing, content in by_typing.items():
            name = held.setdefault(content, f"models/{precision}-{typing}.onnx")
            names[precision][typing] = name
    return {name: content for content, name in held.items()}, names


def _inputs(inputs: Inputs | None) -> dict[str, bytes]:
    values = inputs.values if inputs else {}
    return {f"inputs/{name}.bin": content for name, content in values.items()}


def _program() -> dict[str, bytes]:
    """Return the launcher and the files it runs."""
    folder = files("edgekit.backends.tensorrt") / _PROGRAM
    sources = {
        f"{_PROGRAM}/{source.name}": source.read_bytes()
        for source in folder.iterdir()
        if source.name.endswith(".py")
    }
    return {LAUNCHER: _LAUNCHER.encode(), **dict(sorted(sources.items()))}


def _manifest(
    contents: Mapping[str, bytes],
    sums: Mapping[str, str],
    names: Mapping[str, Any],
    extra: Extra,
) -> dict[str, Any]:
    listed = [name for name in contents if name.startswith("inputs/")]
    return {
        "schema": SCHEMA,
        "edgekit": version("edgekit"),
        "model": dict(extra.model),
        "models": names,
        "inputs": {"name": extra.inputs.name, "files": listed} if extra.inputs else None,
        "table": TABLE,
        "files": {
            name: {"sha256": sums[name], "bytes": len(content)}
            for name, content in contents.items()
        },
    }


def _json(content: object) -> bytes:
    return (json.dumps(content, indent=1) + "\n").encode()
