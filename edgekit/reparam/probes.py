"""Inputs on which two graphs are compared when no image is at hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edgekit.errors import StageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgekit.values import Floats, Graph

Feeds = dict[str, "NDArray[np.generic]"]


def probe_inputs(graph: Graph, seed: int = 0) -> tuple[Feeds, ...]:
    """Return inputs that excite ``graph``: noise in 0..1, and a picture in 0..255.

    The two ranges are the two that detectors are trained on, so one of them is near the
    network's own. An input of type u8 gets both in whole pixel values.

    Raises:
        StageError: An input has no static shape.
    """
    rng = np.random.default_rng(seed)
    shapes = {value.name or "": _static_shape(value) for value in graph.model.graph.inputs}
    pixels = {v.name or "" for v in graph.model.graph.inputs if str(v.dtype) == "UINT8"}

    def typed(name: str, data: Floats, peak: float) -> NDArray[np.generic]:
        return (data * 255).astype(np.uint8) if name in pixels else data * np.float32(peak)

    noise = {n: typed(n, rng.random(s, dtype=np.float32), 1) for n, s in shapes.items()}
    picture = {n: typed(n, _picture(rng, s), 255) for n, s in shapes.items()}
    return noise, picture


def _picture(rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    """Return patches of several sizes, as flat areas and edges are in a photograph; 0..1."""
    total = np.zeros(shape, np.float32)
    for patch in (4, 16, 64):
        coarse = rng.random([-(-d // patch) if d > 4 else d for d in shape], dtype=np.float32)
        for axis, size in enumerate(shape):
            if size > 4:
                coarse = np.repeat(coarse, patch, axis).take(range(size), axis)
        total += coarse / 3
    return total


def _static_shape(value: object) -> tuple[int, ...]:
    shape = getattr(value, "shape", None)
    dims = tuple(shape) if shape is not None else (None,)
    if not all(isinstance(dim, int) for dim in dims):
        name = getattr(value, "name", "")
        raise StageError(
            f"Cannot make a probe for input '{name}': expected a static shape, found "
            f"{[str(d) for d in dims]}. Load the model with an input size."
        )
    return tuple(int(dim) for dim in dims)
