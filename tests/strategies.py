"""Generated input that several tests share."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from edgekit.values import Preprocess

seeds = st.integers(0, 2**32 - 1)


def sizes_hw(low: int = 1, high: int = 200) -> st.SearchStrategy[tuple[int, int]]:
    """Heights and widths of images, in pixels."""
    return st.tuples(st.integers(low, high), st.integers(low, high))


def images(low: int = 1, high: int = 200) -> st.SearchStrategy[np.ndarray]:
    """Colour images of noise."""

    def noise(size_hw: tuple[int, int], seed: int) -> np.ndarray:
        return np.random.default_rng(seed).integers(0, 256, (*size_hw, 3), dtype=np.uint8)

    return st.builds(noise, sizes_hw(low, high), seeds)


def preprocesses() -> st.SearchStrategy[Preprocess]:
    """Every way an image becomes a network's input."""
    return st.builds(
        Preprocess,
        size_hw=sizes_hw(8, 96),
        resize=st.sampled_from(["letterbox-center", "letterbox-topleft", "stretch"]),
        interpolation=st.sampled_from(["bilinear", "bicubic"]),
        color=st.sampled_from(["rgb", "bgr"]),
        mean=st.sampled_from([(0.0, 0.0, 0.0), (123.675, 116.28, 103.53)]),
        std=st.sampled_from([(255.0, 255.0, 255.0), (1.0, 1.0, 1.0), (58.395, 57.12, 57.375)]),
        scale_up=st.booleans(),
    )


def boxes_xyxy(size_hw: tuple[int, int]) -> st.SearchStrategy[np.ndarray]:
    """Up to 20 boxes inside an image, some without area, as ``(N, 4)`` float32."""
    height, width = size_hw
    corner = npst.arrays(np.float32, 4, elements=st.floats(0, 1, width=32))

    def ordered(rows: list[np.ndarray]) -> np.ndarray:
        points = np.array(rows, np.float32).reshape(-1, 2, 2)
        points = np.sort(points, axis=1) * np.array((width, height), np.float32)
        return points.reshape(-1, 4)

    return st.lists(corner, max_size=20).map(ordered)
