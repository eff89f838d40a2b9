"""A folder that appears whole or not at all."""

from __future__ import annotations

import shutil
import uuid
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from edgekit.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_REPORTS = {f"report.{ending}" for ending in ("csv", "html", "json", "md")}
_OURS = frozenset({"artifact", "edgekit.lock", "plots", *_REPORTS})


@contextmanager
def whole_folder(out: Path) -> Iterator[Path]:
    """Yield an empty folder beside ``out`` that takes its place when the block ends well.

    A block that fails leaves ``out`` as it was and nothing beside it.

    Raises:
        ConfigError: ``out`` cannot be written, or holds what no conversion wrote.
    """
    out = out.resolve()
    _refuse_foreign(out)
    new_parents = [p for p in out.parents if not p.exists()]
    work = out.with_name(f".{out.name}.{uuid.uuid4().hex[:8]}")
    try:
        work.mkdir(parents=True)
    except OSError as err:
        raise _unwritable(out, err) from err
    try:
        yield work
        try:
            _put_in_place(work, out)
        except OSError as err:
            raise _unwritable(out, err) from err
    finally:
        shutil.rmtree(work, ignore_errors=True)
        _remove_empty(new_parents)


def _refuse_foreign(out: Path) -> None:
    if out.is_file():
        raise ConfigError(f"--out {out}: expected a folder, found a file. Choose another --out.")
    foreign = sorted(p.name for p in out.iterdir() if p.name not in _OURS) if out.is_dir() else []
    if foreign:
        raise ConfigError(
            f"--out {out}: expected a new folder or one that holds what edgekit writes and nothing "
            f"else, found other files ('{foreign[0]}'), which would be lost. "
            "Choose another --out; nothing was changed."
        )


def _unwritable(out: Path, err: OSError) -> ConfigError:
    return ConfigError(f"Cannot write {out}: {err.strerror}. Choose another --out.")


def _remove_empty(folders: list[Path]) -> None:
    with suppress(OSError):  # the first that is not empty ends it
        for folder in folders:
            folder.rmdir()


def _put_in_place(work: Path, out: Path) -> None:
    previous = work.with_name(f"{work.name}.previous")
    if out.exists():
        out.rename(previous)
    try:
        work.rename(out)
    except OSError:
        if previous.exists():
            previous.rename(out)
        raise
    shutil.rmtree(previous, ignore_errors=True)
