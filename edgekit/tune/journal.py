"""What was measured, written down at once: a search that was killed goes on where it was."""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Figures:
    """What was measured of one network.

    Attributes:
        agreement: With FP32's own detections; ``None`` where FP32 is sure of nothing.
        map: COCO mAP50-95, a fraction; ``None`` without labels.
        map_drop_points: Loss against FP32, in points; ``None`` without labels.
        map_drop_ci95: Its interval.
        p50_ms: Median inference.
        p90_ms: Its 90th percentile.
        speedup: Median of paired ratios to FP32.
        speedup_ci95: Its interval.
    """

    agreement: float | None
    map: float | None
    map_drop_points: float | None
    map_drop_ci95: tuple[float, float] | None
    p50_ms: float
    p90_ms: float
    speedup: float
    speedup_ci95: tuple[float, float]


class Journal:
    """Figures by what they were measured of, in a file to which every new one is added.

    Attributes:
        recalled: Keys asked for that an earlier run had written down.
    """

    def __init__(self, path: Path | None) -> None:
        """Read what the file at ``path`` holds; ``None`` remembers nothing beyond this run."""
        self._path = path
        self._known = _read(path)
        self._before = frozenset(self._known)
        self.recalled: set[str] = set()

    def remembered(self, key: tuple[str, ...], measure: Callable[[], Figures]) -> Figures:
        """Return what ``measure`` returns, or what was written down for the same ``key``.

        Args:
            key: Hashes and names of everything the figures depend on.
            measure: Does the work.
        """
        digest = hashlib.sha256(json.dumps(key).encode()).hexdigest()
        if digest not in self._known:
            self._known[digest] = measure()
            self._write(digest, self._known[digest])
        elif digest in self._before:
            self.recalled.add(digest)
        return self._known[digest]

    def _write(self, digest: str, figures: Figures) -> None:
        if self._path is None:
            return
        line = json.dumps({"key": digest, **asdict(figures)})
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a", encoding="utf-8") as file:
                file.write(f"\n{line}")  # on a line of its own, whatever was cut short before
        except OSError as err:
            logger.warning("Cannot write to %s: %s. Set EDGEKIT_CACHE.", self._path, err.strerror)
            self._path = None


def _read(path: Path | None) -> dict[str, Figures]:
    """Return what a file holds; a line that was cut short when the run died is left out."""
    known: dict[str, Figures] = {}
    if path is None or not path.is_file():
        return known
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            entry: dict[str, Any] = json.loads(line)
            digest = entry.pop("key")
            known[str(digest)] = _figures(entry)
        except (ValueError, KeyError, TypeError, AttributeError):
            continue
    return known


def _figures(entry: dict[str, Any]) -> Figures:
    for name in ("map_drop_ci95", "speedup_ci95"):
        if entry[name] is not None:
            low, high = entry[name]
            entry[name] = (float(low), float(high))
    return Figures(**entry)
