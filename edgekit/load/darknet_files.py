"""Which files belong to a Darknet network: its ``.cfg``, its ``.weights``, its ``.names``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgekit.errors import ModelError

if TYPE_CHECKING:
    from pathlib import Path

CFG, WEIGHTS = ".cfg", ".weights"
_COMMON = "coco.names"
_LONGEST = 1 << 20  # names of all classes ImageNet has take 0.2 MB
_LISTED = 5


@dataclass(frozen=True)
class DarknetFiles:
    """The two files of one network."""

    cfg: Path
    weights: Path


def find_darknet(path: Path) -> DarknetFiles:
    """Return the two files of a network of which ``path`` is one.

    The other is the one of the same name in the folder; else the one Darknet would have named
    after it (``net.cfg`` trains ``net_best.weights``); else the only one.

    Raises:
        ModelError: ``path`` is not there, or the other cannot be told.
    """
    if not path.is_file():
        raise ModelError(f"Cannot load '{path}': expected a file, found none. Check the path.")
    if path.suffix.lower() == CFG:
        return DarknetFiles(path, _other(path, WEIGHTS))
    return DarknetFiles(_other(path, CFG), path)


def find_names(files: DarknetFiles, classes: int) -> tuple[tuple[str, ...], str | None]:
    """Return the names of the classes, and what there is to say where they have none.

    They are the lines of the ``.names`` file called like the ``.cfg`` or the ``.weights``, or of
    ``coco.names`` beside them, if there are as many as ``classes``.
    """
    stems = dict.fromkeys((files.cfg.stem, files.weights.stem))
    candidates = [files.cfg.with_name(f"{stem}.names") for stem in stems]
    candidates.append(files.cfg.with_name(_COMMON))
    found: list[str] = []
    for candidate in dict.fromkeys(candidates):
        names = _lines(candidate)
        if len(names) == classes:
            return names, None
        if names:
            found.append(f"{candidate.name} with {len(names)} names")
    listed = ", ".join(found) or "none"
    return (), (
        f"Its {classes} classes have numbers instead of names: expected as many lines in "
        f"{candidates[0].name} or {_COMMON} beside {files.cfg.name}, found {listed}."
    )


def _other(path: Path, suffix: str) -> Path:
    """Return the file with ``suffix`` that belongs to ``path``."""
    files = sorted(p for p in path.parent.iterdir() if p.suffix.lower() == suffix and p.is_file())
    same = [p for p in files if p.stem == path.stem]
    trained = [p for p in files if _trained_as(path.stem, p.stem, suffix)]
    for candidates in (same, trained, files):
        if len(candidates) == 1:
            return candidates[0]
    listed = ", ".join(p.name for p in files[:_LISTED]) + (" ..." if len(files) > _LISTED else "")
    raise ModelError(
        f"Cannot load '{path}': a Darknet network is two files: expected "
        f"{path.stem}{suffix} beside it, or a single {suffix} file, found "
        f"{f'{len(files)}: {listed}' if files else 'none'}. Put the {suffix} file that belongs to "
        "it into the same folder, under the same name."
    )


def _trained_as(given: str, other: str, suffix: str) -> bool:
    cfg, weights = (given, other) if suffix == WEIGHTS else (other, given)
    return weights.startswith(f"{cfg}_")


def _lines(path: Path) -> tuple[str, ...]:
    """Return the lines of the file that say something; none where there is no such file."""
    try:
        if path.stat().st_size > _LONGEST:
            return ()
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ()
    return tuple(stripped for line in text.splitlines() if (stripped := line.strip()))
