"""Models that are code: exported programs, TorchScript archives, functions that make a module.

Here it is only found out that they are; nothing of them is run.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal
from zipfile import BadZipFile, ZipFile

from edgekit.errors import ModelError
from edgekit.load.checkpoint.zip_members import CodeKind, code_in

if TYPE_CHECKING:
    from pathlib import Path

ProgramKind = Literal[CodeKind, "function"]

_FUNCTION = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")


def is_function(path: Path) -> bool:
    """Return whether ``path`` is no file but names a function, as ``module:factory``."""
    return _FUNCTION.fullmatch(str(path)) is not None and not path.exists()


def short_name(path: Path) -> str:
    """Return what to call the model at ``path``: the function, or the file without its suffix."""
    return str(path) if is_function(path) else path.stem or path.name


def kind_of_program(path: Path) -> ProgramKind | None:
    """Return which kind of code ``path`` names or, by the names in an archive, holds."""
    if is_function(path):
        return "function"
    if not path.is_file():  # opening a pipe would wait for ever
        return None
    try:
        with ZipFile(path) as archive:
            return code_in(set(archive.namelist()))
    except (OSError, BadZipFile, ValueError):
        return None


def refuse_function(path: Path) -> None:
    """Refuse what names a function that makes a model.

    Raises:
        ModelError: ``path`` does.
    """
    if is_function(path):
        raise ModelError(
            f"Cannot load '{path}': expected a file, found the name of a function, and edgekit "
            "runs no code unasked. If you trust it, add --trust-code; or save what it makes with "
            "torch.save, or export it to ONNX, and give edgekit that file."
        )
