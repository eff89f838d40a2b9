"""What a network that takes pixels is given for the images of a data set."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgekit.images.letterbox import letterbox
from edgekit.images.read import read_image
from edgekit.protocols import silent

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from edgekit.protocols import Progress
    from edgekit.values import Dataset, Graph, Preprocess


def image_feeds(
    graph: Graph,
    dataset: Dataset,
    preprocess: Preprocess,
    stage: str = "calibrate",
    progress: Progress = silent,
) -> Iterator[dict[str, NDArray[np.generic]]]:
    """Yield the inputs of ``graph`` for every image of ``dataset`` that can be read.

    Args:
        graph: Takes letterboxed u8 images.
        dataset: The images.
        preprocess: How they are letterboxed.
        stage: What ``progress`` is told to be under way.
        progress: Told after every image, readable or not.
    """
    name = str(graph.model.graph.inputs[0].name)
    for done, record in enumerate(dataset.records, start=1):
        pixels_rgb = read_image(record).pixels_rgb
        if pixels_rgb is not None:
            yield {name: letterbox(pixels_rgb, preprocess).pixels[None]}
        progress(stage, done, len(dataset.records))
