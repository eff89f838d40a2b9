"""What calibration found, kept between runs by what it was made from."""

from __future__ import annotations

import hashlib
import logging
import zlib
from io import BytesIO
from typing import TYPE_CHECKING, Any, TypeVar
from zipfile import BadZipFile

import numpy as np

from edgekit.pipeline.kept import asked_for, keep
from edgekit.values import Statistics, TensorStatistics

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from numpy.lib.npyio import NpzFile
    from numpy.typing import NDArray

    from edgekit.values import Floats

logger = logging.getLogger(__name__)
T = TypeVar("T")

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
    return _cached(folder, "statistics", key, collect, (_read, _write))


def cached_importance(
    folder: Path | None, key: tuple[str, ...], find: Callable[[], dict[str, Floats]]
) -> dict[str, Floats]:
    """Return what ``find`` returns, or what it returned before for the same ``key``.

    Args:
        folder: Where results are kept; ``None`` keeps none.
        key: Hashes of everything the result depends on.
        find: Does the work; all its arrays are of one length.
    """
    return _cached(folder, "importance", key, find, (_read_arrays, _write_arrays))


def _cached(
    folder: Path | None,
    kind: str,
    key: tuple[str, ...],
    make: Callable[[], T],
    file: tuple[Callable[[NpzFile], T], Callable[[T], dict[str, NDArray[Any]]]],
) -> T:
    """Return what ``make`` returns, by way of a file that the two of ``file`` read and fill."""
    if folder is None:
        return make()
    path = folder / f"{kind}-{hashlib.sha256('|'.join(key).encode()).hexdigest()[:32]}.npz"
    of_file, to_file = file
    try:
        with asked_for(path).open("rb") as opened, np.load(opened, allow_pickle=False) as arrays:
            return of_file(arrays)
    except _DAMAGE:
        made = make()
    data = BytesIO()
    np.savez_compressed(data, allow_pickle=False, **to_file(made))
    try:
        keep(path, data.getvalue(), f"{kind}-*.npz")
    except OSError as err:
        logger.warning("Cannot keep %s in %s: %s. Set EDGEKIT_CACHE.", kind, folder, err.strerror)
    return made


def _read(file: NpzFile) -> Statistics:
    return Statistics(dict(_tensors(file)), int(file["images"]), str(file["graph"]))


def _read_arrays(file: NpzFile) -> dict[str, Floats]:
    return dict(zip(file["names"].tolist(), file["arrays"], strict=True))


def _write_arrays(arrays: dict[str, Floats]) -> dict[str, NDArray[Any]]:
    return {"names": np.array(list(arrays), np.str_), "arrays": np.array(list(arrays.values()))}


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


def _write(statistics: Statistics) -> dict[str, NDArray[Any]]:
    tensors = list(statistics.tensors.values())
    return {
        "names": np.array(list(statistics.tensors)),
        "numbers": np.array([[getattr(t, field) for field in _NUMBERS] for t in tensors]),
        "counts": np.array([t.counts for t in tensors]),
        "channels": np.array([len(t.channel_powers) for t in tensors]),
        "channel_powers": np.concatenate([t.channel_powers for t in tensors]),
        "image_lows": np.array([t.image_lows for t in tensors]),
        "image_highs": np.array([t.image_highs for t in tensors]),
        "images": np.array(statistics.images),
        "graph": np.array(statistics.graph),
    }
