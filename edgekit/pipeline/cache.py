"""Calibration statistics kept between runs, by what they were made from."""

from __future__ import annotations

import hashlib
import os
from dataclasses import fields
from typing import TYPE_CHECKING
from zipfile import BadZipFile

import numpy as np

from edgekit.values import Statistics, TensorStatistics

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_FIELDS = tuple(f.name for f in fields(TensorStatistics))
_ARRAYS = frozenset({"counts", "channel_means"})


def cached_statistics(
    folder: Path | None, key: tuple[str, ...], collect: Callable[[], Statistics]
) -> Statistics:
    """Return what ``collect`` returns, or what it returned before for the same ``key``.

    Args:
        folder: Where results are kept; ``None`` keeps none.
        key: Hashes of everything the result depends on.
        collect: Does the work.
    """
    if folder is None:
        return collect()
    path = folder / f"statistics-{hashlib.sha256('|'.join(key).encode()).hexdigest()[:32]}.npz"
    kept = _read(path)
    if kept is not None:
        return kept
    statistics = collect()
    _write(path, statistics)
    return statistics


def _read(path: Path) -> Statistics | None:
    """Return the statistics in a file; ``None`` when there is none or it was cut short."""
    try:
        with np.load(path, allow_pickle=False) as file:
            names = [str(n) for n in file["names"]]
            columns = {field: file[field] for field in _FIELDS if field != "channel_means"}
            sizes, means = file["channels"], file["channel_means"]
            images, graph = int(file["images"]), str(file["graph"])
    except (OSError, ValueError, KeyError, BadZipFile):
        return None
    parts = np.split(means, np.cumsum(sizes)[:-1])
    tensors = {
        name: TensorStatistics(
            **{f: v[i] if f in _ARRAYS else float(v[i]) for f, v in columns.items()},
            channel_means=parts[i],
        )
        for i, name in enumerate(names)
    }
    return Statistics(tensors, images, graph)


def _write(path: Path, statistics: Statistics) -> None:
    tensors = list(statistics.tensors.values())
    arrays = {
        field: np.array([getattr(t, field) for t in tensors])
        for field in _FIELDS
        if field != "channel_means"
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(f".{os.getpid()}.npz")
    np.savez_compressed(
        part,
        names=np.array(list(statistics.tensors)),
        channels=np.array([len(t.channel_means) for t in tensors]),
        channel_means=np.concatenate([t.channel_means for t in tensors]),
        images=statistics.images,
        graph=statistics.graph,
        **arrays,
    )
    part.replace(path)
