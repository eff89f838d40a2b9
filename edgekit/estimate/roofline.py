"""How long each layer takes: as long as its arithmetic or its memory, whichever is longer.

Source:
    Williams et al., "Roofline: An Insightful Visual Performance Model" (CACM 2009), with a cost of
    each layer besides.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from edgekit.estimate.constants import CONSTANTS, DEPTHWISE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edgekit.estimate.constants import Constants
    from edgekit.estimate.layers import Layer
    from edgekit.estimate.processor import Processor
    from edgekit.values import Precision

Bound = Literal["compute", "memory"]
Doubles = NDArray[np.float64]

BYTES: dict[Precision, int] = {"fp32": 4, "fp16": 2, "int8": 1}
_RUNTIME_BYTES = 512 * 2**20  # what CUDA, OpenVINO and their like take for themselves, roughly


@dataclass(frozen=True, eq=False)
class Work:
    """The layers of a network as columns, one entry per layer.

    Attributes:
        operations: Two per multiply-accumulate.
        numbers: Read and written, weights among them.
        depthwise: Whether it multiplies with one filter per channel.
        moves: Whether it only copies.
    """

    layers: tuple[Layer, ...]
    operations: Doubles
    numbers: Doubles
    depthwise: NDArray[np.bool_]
    moves: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Times:
    """Milliseconds of every layer: of its arithmetic, of its memory, and what it costs besides."""

    compute: Doubles
    memory: Doubles
    besides: Doubles

    @property
    def each(self) -> Doubles:
        """Of every layer as a whole."""
        return np.maximum(self.compute, self.memory) + self.besides


@dataclass(frozen=True)
class LayerTime:
    """What is expected of one layer.

    Attributes:
        ms: As a whole.
        bound: What it waits for.
        compute_ms: If memory cost nothing.
        memory_ms: If arithmetic cost nothing.
    """

    layer: Layer
    ms: float
    bound: Bound
    compute_ms: float
    memory_ms: float


@dataclass(frozen=True, eq=False)
class Estimate:
    """What is expected of a network on a processor. Nobody measured it.

    Attributes:
        low_ms: Together with ``high_ms``, what 80 % of published times of its family lie within,
            on devices the constants know nothing of.
    """

    processor: Processor
    precision: Precision
    work: Work
    times: Times
    constants: Constants

    @cached_property
    def ms(self) -> float:
        """Milliseconds of one image, batch 1."""
        return float(self.times.each.sum())

    @property
    def low_ms(self) -> float:
        """The lower end."""
        return self.ms * self.constants.spread[0]

    @property
    def high_ms(self) -> float:
        """The upper end."""
        return self.ms * self.constants.spread[1]

    @property
    def shares(self) -> dict[str, float]:
        """Which part of the time is spent with what: ``compute``, ``memory``, ``overhead``."""
        slower = self.times.compute >= self.times.memory
        return {
            "compute": float(self.times.compute[slower].sum()) / self.ms,
            "memory": float(self.times.memory[~slower].sum()) / self.ms,
            "overhead": float(self.times.besides.sum()) / self.ms,
        }

    @property
    def bound(self) -> Bound:
        """What most of its layers' time waits for."""
        shares = self.shares
        return "compute" if shares["compute"] >= shares["memory"] else "memory"

    @property
    def needed_bytes(self) -> float:
        """Weights, the maps of its widest layer twice, and the runtime, roughly."""
        layers = self.work.layers
        widest = max((layer.reads + layer.writes for layer in layers), default=0)
        numbers = sum(layer.weights for layer in layers) + 2 * widest
        return BYTES[self.precision] * numbers + _RUNTIME_BYTES

    @property
    def fits(self) -> bool | None:
        """Whether that is less than its memory; ``None`` where nobody says how much that is."""
        memory = self.processor.memory
        return None if memory is None else self.needed_bytes <= memory

    def heaviest(self, count: int) -> tuple[LayerTime, ...]:
        """Return the ``count`` layers that take longest, the slowest first."""
        order = np.argsort(-self.times.each, kind="stable")[:count]
        return tuple(self._layer_time(int(place)) for place in order)

    def _layer_time(self, place: int) -> LayerTime:
        compute, memory = float(self.times.compute[place]), float(self.times.memory[place])
        return LayerTime(
            layer=self.work.layers[place],
            ms=float(self.times.each[place]),
            bound="compute" if compute >= memory else "memory",
            compute_ms=compute,
            memory_ms=memory,
        )


def work_of(layers: Sequence[Layer]) -> Work:
    """Return ``layers`` as columns."""
    kinds = np.array([layer.kind for layer in layers])
    return Work(
        layers=tuple(layers),
        operations=np.array([2.0 * layer.macs for layer in layers]),
        numbers=np.array([float(n.reads + n.writes + n.weights) for n in layers]),
        depthwise=kinds == "depthwise",
        moves=kinds == "move",
    )


def layer_times(
    work: Work, processor: Processor, precision: Precision, constants: Constants
) -> Times:
    """Return what every layer of ``work`` takes on ``processor``, in milliseconds."""
    reached = processor.peaks[precision] * constants.efficiency[precision]
    # Kernels of one filter per channel have nothing for matrix units; two 16-bit floats take the
    # place of one of 32 bits.
    beside = processor.vector * DEPTHWISE * (1 if precision == "fp32" else 2)
    rate = np.where(work.depthwise, min(beside, reached), reached)
    free = work.moves if not constants.moves else np.zeros_like(work.moves)
    bandwidth = processor.bandwidth * constants.memory
    besides = constants.cycles / processor.clock + constants.seconds
    return Times(
        compute=1e3 * work.operations / rate,
        memory=np.where(free, 0.0, 1e3 * BYTES[precision] * work.numbers / bandwidth),
        besides=np.where(free, 0.0, 1e3 * besides),
    )


def estimate(work: Work, processor: Processor, precision: Precision) -> Estimate:
    """Return what is expected of ``work`` on ``processor`` at one of its precisions."""
    constants = CONSTANTS[processor.family]
    times = layer_times(work, processor, precision, constants)
    return Estimate(processor, precision, work, times, constants)
