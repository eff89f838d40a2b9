"""What calibration found, kept between runs by what it was made from."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from edgekit.pipeline.kept import Form, remembered
from edgekit.values import Statistics, TensorStatistics

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from numpy.lib.npyio import NpzFile
    from numpy.typing import NDArray

    from edgekit.values import Floats

T = TypeVar("T")

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
    return remembered(folder, "statistics", key, collect, _npz(_read, _write))


def cached_importance(
    folder: Path | None, key: tuple[str, ...], find: Callable[[], dict[str, Floats]]
) -> dict[str, Floats]:
    """Return what ``find`` returns, or what it returned before for the same ``key``.

    Args:
        folder: Where results are kept; ``None`` keeps none.
        key: Hashes of everything the result depends on.
        find: Does the work; all its arrays are of one length.
    """
    return remembered(folder, "importance", key, find, _npz(_read_arrays, _write_arrays))


def _npz(
    of_file: Callable[[NpzFile], T], to_file: Callable[[T], dict[str, NDArray[Any]]]
) -> Form[T]:
    """Return the form of a result that ``to_file`` turns to arrays, and ``of_file`` back."""

    def read(content: bytes) -> T:
        with np.load(BytesIO(content), allow_pickle=False) as arrays:
            return of_file(arrays)

    def write(result: T) -> bytes:
        data = BytesIO()
        np.savez_compressed(data, allow_pickle=False, **to_file(result))
        return data.getvalue()

    return Form("npz", read, write)


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
