"""Statistics of every tensor from one streaming pass over the calibration images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edgekit.calibrate.histogram import StreamingHistogram
from edgekit.errors import StageError
from edgekit.graphs import graph_to_bytes, with_outputs
from edgekit.protocols import silent
from edgekit.values import Floats, Statistics, TensorStatistics

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from edgekit.protocols import Backend, Progress
    from edgekit.values import Graph

SAMPLE = 65_536


def collect(
    graph: Graph,
    tensors: Sequence[str],
    feeds: Iterable[Mapping[str, NDArray[np.generic]]],
    backend: Backend,
    progress: Progress = silent,
) -> Statistics:
    """Return the statistics of ``tensors`` over ``feeds``.

    Each feed is run once and forgotten: of every tensor, two numbers per feed are all that stays.

    Args:
        graph: The network, in float.
        tensors: Names of the values to watch.
        feeds: One set of network inputs per image.
        backend: Runs the network.
        progress: Told after every image.

    Raises:
        StageError: There was nothing to watch, no image, or a tensor became NaN or infinite.
    """
    if not tensors:
        raise StageError(
            "No value of the network would be encoded in 8 bits: expected a layer with weights "
            "outside the decode part and keep_float, found none. Keep fewer nodes in float, or "
            "convert for a target in float."
        )
    watched = {name: _Watch() for name in tensors}
    images = 0
    with backend.open(graph_to_bytes(with_outputs(graph, tensors))) as session:
        for feed in feeds:
            for name, values in session.run(feed).items():
                _update(watched[name], name, values.astype(np.float32, copy=False), images)
            images += 1
            progress("calibrate", images, 0)
    if images == 0:
        raise StageError("Calibration saw no image. Give a calibration set that has images.")
    return Statistics({n: w.statistics(images) for n, w in watched.items()}, images, graph.sha256)


def _update(watch: _Watch, name: str, values: Floats, image: int) -> None:
    try:
        watch.update(values)
    except FloatingPointError as err:
        raise StageError(
            f"Value '{name}' is {err} on calibration image {image + 1} of those that can be read: "
            "expected finite activations. Leave that image out of --calib where the device never "
            "sees the like; where it does, the float model itself fails on it."
        ) from err


class _Watch:
    """One tensor under observation: its histogram and the running sum of its channels' powers."""

    def __init__(self) -> None:
        self._histogram = StreamingHistogram(SAMPLE)
        self._power_sums: NDArray[np.float64] = np.zeros(0)

    def update(self, values: Floats) -> None:
        self._histogram.update(values)
        if values.ndim == 4:
            planes = np.ascontiguousarray(values.swapaxes(0, 1)).reshape(values.shape[1], -1)
            powers = np.einsum("cp,cp->c", planes, planes) / planes.shape[1]
            if self._power_sums.size == 0:
                self._power_sums = np.zeros(len(powers))
            self._power_sums += powers

    def statistics(self, images: int) -> TensorStatistics:
        h = self._histogram
        return TensorStatistics(
            low=h.low,
            high=h.high,
            moving_low=h.moving_low,
            moving_high=h.moving_high,
            limit=h.limit,
            counts=h.counts,
            channel_powers=(self._power_sums / images).astype(np.float32),
            image_lows=np.array(h.lows, np.float32),
            image_highs=np.array(h.highs, np.float32),
        )
