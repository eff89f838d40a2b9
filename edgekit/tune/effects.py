"""What variants of a network do to its outputs, image by image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from edgekit.heads.decode import decode, suppress
from edgekit.measure.accuracy import Detections, agreement
from edgekit.measure.damage import shift

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from edgekit.heads.spec import HeadSpec, NmsOptions
    from edgekit.values import Boxes, Dataset

    Outputs = Mapping[str, NDArray[np.generic]]
    Doubles = NDArray[np.float64]

SILENCE = 1e-20


@dataclass(frozen=True, eq=False)
class Effects:
    """What became of the outputs of some variants.

    Attributes:
        kept: ``(V, I)`` confidence that the float network and the variant share.
        either: ``(V, I)`` confidence that at least one of them gives.
        noise: ``(V, I, O)`` sum of squared errors of each output.
        signal: ``(V, I, O)`` sum of squares of the float network's outputs.
    """

    kept: Doubles
    either: Doubles
    noise: Doubles
    signal: Doubles

    def damages(self, weights: NDArray[np.int64] | None = None) -> Doubles:
        """Return ``(V,)`` damages where image ``i`` counts ``weights[i]`` times, or once."""
        often = np.ones(self.kept.shape[1]) if weights is None else weights
        either = self.either @ often
        lost = either - self.kept @ often
        damages: Doubles = np.divide(lost, either, out=np.zeros_like(lost), where=either > 0)
        return damages

    def sqnr_db(self) -> Doubles:
        """Return ``(V,)`` signal to noise in decibels, outputs weighing alike; at most 200.

        The shares of noise are averaged, not the decibels: an output that nothing changed would
        count without bounds.
        """
        signal, noise = self.signal.sum(axis=1), self.noise.sum(axis=1)
        share = np.divide(noise, signal, out=np.zeros_like(noise), where=signal > 0)
        decibels: Doubles = -10 * np.log10(np.maximum(share.mean(axis=1), SILENCE))
        return decibels


class Watcher:
    """Compares outputs of variants with those of the float network as they come.

    Attributes:
        found: What each variant detects, in pixels of the network's input, by image index; empty
            unless asked for.
    """

    def __init__(self, head: HeadSpec, nms: NmsOptions | None = None) -> None:
        """Take the float network's head, and ``nms`` where detections are wanted too."""
        self._head, self._nms = head, nms
        self._reference: dict[int, Outputs] = {}
        self._rows: dict[str, dict[int, tuple[float, ...]]] = {}
        self.found: dict[str, dict[int, Boxes]] = {}

    def see(self, name: str, image: int, outputs: Outputs, *, reference: bool = False) -> None:
        """Note the outputs of one variant; those of the ``reference`` come before all others."""
        if reference:
            self._reference[image] = outputs
        wanted = self._reference[image]
        moved = shift(wanted, outputs, self._head)
        powers = [_powers(wanted[key], outputs[key]) for key in sorted(wanted)]
        numbers = (moved.kept, moved.either, *(n for pair in powers for n in pair))
        self._rows.setdefault(name, {})[image] = numbers
        if self._nms is not None:
            boxes = suppress(decode(outputs, self._head, self._nms.min_score), self._nms)
            self.found.setdefault(name, {})[image] = boxes

    def effects(self, names: Iterable[str]) -> Effects:
        """Return what was seen of the variants called ``names``, images in order."""
        rows = [[self._rows[name][i] for i in sorted(self._rows[name])] for name in names]
        table = np.array(rows, np.float64)
        return Effects(table[..., 0], table[..., 1], table[..., 2::2], table[..., 3::2])


def agreement_of(
    reference: Mapping[int, Boxes], other: Mapping[int, Boxes], measured: Dataset
) -> float | None:
    """Return the agreement of two networks on the images of ``measured``, by their index."""
    ids = [record.id for record in measured.records]
    floats, others = (
        Detections(name, {ids[index]: boxes for index, boxes in each.items()})
        for name, each in (("float", reference), ("variant", other))
    )
    return agreement(floats, others, measured)


def _powers(wanted: NDArray[np.generic], given: NDArray[np.generic]) -> tuple[float, float]:
    """Return the sums of squares of the error and of what was wanted."""
    signal = wanted.astype(np.float64).reshape(-1)
    error = given.astype(np.float64).reshape(-1) - signal
    return float(error @ error), float(signal @ signal)
