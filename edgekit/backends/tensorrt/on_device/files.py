"""Files written whole or not at all, and records of what was already done."""

from __future__ import annotations

import hashlib
import json
import shutil
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Dict, Optional

from .problems import Problem

if TYPE_CHECKING:
    from pathlib import Path

Json = Dict[str, Any]

_MIB = 1 << 20


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for block in iter(lambda: file.read(_MIB), b""):
            digest.update(block)
    return digest.hexdigest()


def read_json(path: Path) -> Any:
    """Return what is in ``path``; ``None`` where it is missing or was cut off."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None


def write_json(path: Path, content: Any) -> None:
    """Write ``content`` so that ``path`` is never half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    try:
        part.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        part.replace(path)
    finally:
        remove(part)


def remove(path: Path) -> None:
    """Remove a file that may not be there."""
    with suppress(FileNotFoundError):
        path.unlink()


def done_before(record: Path, made_of: Json) -> Optional[Json]:
    """Return the outcome kept in ``record`` where it came of ``made_of``."""
    kept = read_json(record)
    if not isinstance(kept, dict) or kept.get("made_of") != made_of:
        return None
    outcome: Json = kept["outcome"]
    return outcome


def keep(record: Path, made_of: Json, outcome: Json) -> Json:
    """Keep ``outcome`` for the next run, and return it."""
    write_json(record, {"made_of": made_of, "outcome": outcome})
    return outcome


def need_space(folder: Path, needed: int, what: str) -> None:
    """Make sure that ``folder`` has ``needed`` bytes left for ``what``.

    Raises:
        Problem: It has not.
    """
    free = shutil.disk_usage(str(folder)).free
    if free < needed:
        raise Problem(
            f"{what} needs about {needed // _MIB} MiB in {folder}, which has {free // _MIB} MiB "
            "left. Free some space and run this again: what is finished is kept."
        )
