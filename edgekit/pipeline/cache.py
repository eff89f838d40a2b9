"""Calibration statistics kept between runs, by what they were made from."""

from __future__ import annotations

import hashlib
import logging
import zlib
from io import BytesIO
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

import numpy as np

from edgekit.pipeline.kept import asked_for, keep
from edgekit.values import Statistics, TensorStatistics

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

logger = logging.getLogger(__name__)

# What numpy raises for a file that was cut short or changed, depending on where.
_DAMAGE = (OSError, EOFError, ValueError, KeyError, BadZipFile, zlib.error)
_NUMBERS = ("low", "high", "moving_low", "moving_high", "limit")


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
    try:
        _write(path, statistics)
    except OSError as err:
        logger.warning("Cannot keep statistics in %s: %s. Set EDGEKIT_CACHE.", folder, err.strerror)
    return statistics


def _read(path: Path) -> Statistics | None:
    """Return the statistics in a file; ``None`` when there is none or it was cut short."""
    try:
        with (
            asked_for(path).open("rb") as opened,
            np.load(opened, allow_pickle=False) as file,
        ):
            tensors = dict(_tensors(file))
            return Statistics(tensors, int(file["images"]), str(file["graph"]))
    except _DAMAGE:
        return None


def _tensors(file: Mapping[str, NDArray[Any]]) -> Iterator[tuple[str, TensorStatistics]]:
    """Yield tensors by name; channel powers have any length and lie end to end."""
    each_image = zip(file["image_lows"], file["image_highs"], strict=True)
    ends = np.cumsum(file["channels"])
    powers = np.split(file["channel_powers"], ends[:-1])
    for name, numbers, counts, power, (lows, highs) in zip(
        file["names"], file["numbers"], file["counts"], powers, each_image, strict=True
    ):
        low, high, moving_low, moving_high, limit = (float(n) for n in numbers)
        yield (
            str(name),
            TensorStatistics(low, high, moving_low, moving_high, limit, counts, power, lows, highs),
        )


def _write(path: Path, statistics: Statistics) -> None:
    tensors = list(statistics.tensors.values())
    data = BytesIO()
    np.savez_compressed(
        data,
        names=np.array(list(statistics.tensors)),
        numbers=np.array([[getattr(t, field) for field in _NUMBERS] for t in tensors]),
        counts=np.array([t.counts for t in tensors]),
        channels=np.array([len(t.channel_powers) for t in tensors]),
        channel_powers=np.concatenate([t.channel_powers for t in tensors]),
        image_lows=np.array([t.image_lows for t in tensors]),
        image_highs=np.array([t.image_highs for t in tensors]),
        images=np.array(statistics.images),
        graph=np.array(statistics.graph),
    )
    keep(path, data.getvalue(), "statistics-*.npz")
