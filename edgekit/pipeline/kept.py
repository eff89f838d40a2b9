"""Files kept between runs: written whole, and removed when they have been of no use for long."""

from __future__ import annotations

import hashlib
import logging
import os
import time
import zlib
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar
from zipfile import BadZipFile

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

logger = logging.getLogger(__name__)
T = TypeVar("T")

NEWEST = 32
IDLE_S = 24 * 3600.0  # far longer than a conversion, which runs the export it began with
# What is raised for a file that was cut short or changed, depending on where.
DAMAGE = (OSError, EOFError, ValueError, KeyError, TypeError, BadZipFile, zlib.error)


@dataclass(frozen=True)
class Form(Generic[T]):
    """How a result is written.

    Attributes:
        suffix: Of the file's name.
        read: Takes the file's content; raises one of ``DAMAGE`` where that is none of its own.
        write: Gives the file's content.
    """

    suffix: str
    read: Callable[[bytes], T]
    write: Callable[[T], bytes]


def remembered(
    folder: Path | None,
    kind: str,
    key: tuple[str, ...],
    make: Callable[[], T],
    form: Form[T],
) -> T:
    """Return what ``make`` returns, or what it returned before for the same ``key``.

    A file that was cut short or changed counts as none.

    Args:
        folder: Where results are kept; ``None`` keeps none.
        kind: What the names of such files begin with.
        key: Hashes and names of everything the result depends on.
        make: Does the work.
        form: How the result is written.
    """
    if folder is None:
        return make()
    digest = hashlib.sha256("|".join(key).encode()).hexdigest()[:32]
    path = folder / f"{kind}-{digest}.{form.suffix}"
    try:
        return form.read(asked_for(path).read_bytes())
    except DAMAGE:
        made = make()
    try:
        keep(path, form.write(made), f"{kind}-*.{form.suffix}")
    except OSError as err:
        logger.warning("Cannot keep %s in %s: %s. Set EDGEKIT_CACHE.", kind, folder, err.strerror)
    return made


def keep(file: Path, data: bytes, kind: str) -> None:
    """Write ``data`` into ``file``, whole or not at all, and remove old files of its kind.

    Those go that no run asked for within a day, but for the 32 asked for last.

    Args:
        file: In a folder that is made if need be.
        data: What to write.
        kind: Pattern of the names of its kind, ``file`` among them.

    Raises:
        OSError: It cannot be written.
    """
    part = file.with_name(f"{file.name}.{os.getpid()}.part")
    file.parent.mkdir(parents=True, exist_ok=True)
    part.write_bytes(data)
    part.replace(file)
    unfinished = _idle(file.parent, f"{kind}.*.part")
    for old in [*_idle(file.parent, kind, NEWEST), *unfinished]:
        with suppress(OSError):  # another run was first, or has it open
            old.unlink()


def asked_for(file: Path) -> Path:
    """Return ``file``, from now on among those asked for last; nothing happens if it is not there.

    Called before it is looked at, so that no other run removes it meanwhile.
    """
    with suppress(OSError):  # none there, or a folder that can only be read
        os.utime(file)
    return file


def _idle(folder: Path, pattern: str, newest: int = 0) -> list[Path]:
    """Return files that nobody asked for within a day, but for so many of the newest."""
    ages: dict[Path, float] = {}
    for file in folder.glob(pattern):
        with suppress(OSError):  # another run has just removed it
            ages[file] = time.time() - file.stat().st_mtime
    return [file for file in sorted(ages, key=ages.__getitem__)[newest:] if ages[file] > IDLE_S]
