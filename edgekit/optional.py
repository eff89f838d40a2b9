"""The one door through which optional packages come in."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from edgekit.errors import MissingExtraError

if TYPE_CHECKING:
    from types import ModuleType


def require(module: str, *, extra: str, needed_for: str) -> ModuleType:
    """Return the imported ``module``.

    Args:
        module: Dotted name of the optional package.
        extra: The extra of edgekit that installs it.
        needed_for: What it is needed for; starts the message.

    Raises:
        MissingExtraError: The package is not installed.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as err:
        if err.name != module.partition(".")[0]:
            raise  # present but broken: show the real cause
        msg = f"{needed_for} needs '{module}'. Install it with: pip install 'edgekit[{extra}]'"
        raise MissingExtraError(msg) from err
