"""The nouns that travel between stages: frozen, never pointing back.

A value that was made from another carries the content hash of what it came from.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from pathlib import Path

    import onnx_ir as ir

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
Pixels = NDArray[np.uint8]
Resize = Literal["letterbox-center", "letterbox-topleft", "stretch"]
Interpolation = Literal["bilinear", "bicubic"]
ColorOrder = Literal["rgb", "bgr"]
Precision = Literal["fp32", "fp16", "bf16", "int8", "mixed"]
WeightRule = Literal["full", "paired", "paired-channels", "narrow"]
"""Integers that weights may use where u8 x s8 products are summed.

``full``: -127..127. ``paired``: the same, but two neighbours of one sign add up to 128 at most, so
that their products fit into 16 bits; neighbours in the order pixels, then channels, as ONNX
Runtime has them. ``paired-channels``: neighbours are channels of one pixel, as OpenVINO has them,
which differs where their number is odd. ``narrow``: -63..63, safe whatever is summed with what.
"""
Status = Literal["measured", "simulated", "estimated", "not-run"]


@dataclass(frozen=True, eq=False)
class Graph:
    """A network in memory. Treat ``model`` as read-only: a pass clones before it rewrites.

    Attributes:
        model: The ONNX network.
        sha256: Content hash of its serialized form.
        parent: ``sha256`` of the graph or file it was made from.
    """

    model: ir.Model
    sha256: str
    parent: str | None = None


@dataclass(frozen=True, eq=False)
class SourceModel:
    """A user's model file as edgekit works on it.

    Attributes:
        path: The file.
        sha256: Of the file (with its external data, when it has any).
        graph: Opset 13 or later, batch 1, static size, every node and value with a unique name.
        size_hw: Height and width of the image input, in pixels.
        class_names: From the exporter's metadata; empty when it says none.
        metadata: The exporter's own key-value pairs, untouched.
        notes: What loading had to change, one sentence each.
        export: ONNX file it was exported to; ``None`` where ``path`` is one itself.
        files: Names of what else it is made of, to their sha256.
    """

    path: Path
    sha256: str
    graph: Graph
    size_hw: tuple[int, int]
    class_names: tuple[str, ...] = ()
    metadata: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    export: Path | None = None
    files: dict[str, str] = field(default_factory=dict)

    @property
    def onnx_path(self) -> Path:
        """The ONNX file that runs as it is."""
        return self.export or self.path


@dataclass(frozen=True)
class Preprocess:
    """How an image becomes the network's input.

    The resized, padded u8 image in ``color`` order gives ``(pixel - mean) / std`` per channel.

    Attributes:
        size_hw: Height and width of the network's input, in pixels.
        resize: Letterbox (aspect kept, padded centred or bottom-right) or plain stretch.
        mean: Per channel in ``color`` order, in pixel units 0..255.
        std: Per channel in ``color`` order, in pixel units 0..255.
        pad_value: Grey level of the letterbox padding.
        scale_up: Whether a letterbox enlarges images smaller than the input.
    """

    size_hw: tuple[int, int]
    resize: Resize = "letterbox-center"
    interpolation: Interpolation = "bilinear"
    color: ColorOrder = "rgb"
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (255.0, 255.0, 255.0)
    pad_value: int = 114
    scale_up: bool = True


@dataclass(frozen=True)
class Placement:
    """Where a resized image lies in the network's input: ``input = original * scale + offset``.

    Attributes:
        original_hw: Height and width of the image as read, in pixels.
        scale_xy: Horizontal and vertical scale.
        offset_xy: Left and top padding, in input pixels.
    """

    original_hw: tuple[int, int]
    scale_xy: tuple[float, float]
    offset_xy: tuple[float, float]


@dataclass(frozen=True, eq=False)
class Boxes:
    """Detections in one image, strongest first after NMS.

    Attributes:
        xyxy: ``(N, 4)`` left, top, right, bottom in pixels of the image they belong to.
        scores: ``(N,)`` confidence in 0..1.
        classes: ``(N,)`` index into the model's classes.
    """

    xyxy: Floats
    scores: Floats
    classes: Ints

    def __len__(self) -> int:
        return len(self.scores)


@dataclass(frozen=True, eq=False)
class Truth:
    """Annotated objects of one image.

    Attributes:
        xyxy: ``(N, 4)`` in pixels of the image as read.
        categories: ``(N,)`` category ids of the data set.
        crowd: ``(N,)`` true where the box covers a group.
        area: ``(N,)`` object area in square pixels, as annotated (box area when not).
    """

    xyxy: Floats
    categories: Ints
    crowd: NDArray[np.bool_]
    area: Floats


@dataclass(frozen=True)
class Category:
    """One class of a data set, with the id its annotations use."""

    id: int
    name: str


@dataclass(frozen=True, eq=False)
class ImageRecord:
    """One image of a data set.

    Attributes:
        id: Unique within the data set; the COCO image id where there is one.
        path: The file, absolute.
        labelled_hw: Height and width the annotations say it has, or ``None``.
        truth: Its annotations; ``None`` when the data set has no labels.
    """

    id: int
    path: Path
    labelled_hw: tuple[int, int] | None = None
    truth: Truth | None = None


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images, and labels where there are any.

    Attributes:
        name: Where it came from, as the user wrote it.
        records: The images, in a stable order.
        categories: Classes, ordered by id; empty without labels.
        faults: What was wrong with files or labels: kind to how many, e.g. ``degenerate-box: 2``.
    """

    name: str
    records: tuple[ImageRecord, ...]
    categories: tuple[Category, ...] = ()
    faults: dict[str, int] = field(default_factory=dict)

    @property
    def labelled(self) -> bool:
        """Whether every image carries annotations (possibly none of them an object)."""
        return bool(self.records) and all(r.truth is not None for r in self.records)


@dataclass(frozen=True)
class TensorInfo:
    """A graph input or output: its name, ONNX-style element type and shape (``None``: dynamic)."""

    name: str
    dtype: str
    shape: tuple[int | None, ...]


@dataclass(frozen=True)
class Latency:
    """What one model took, single stream, in milliseconds.

    Attributes:
        p50: Median of the inference times (letterboxed u8 image to boxes before NMS).
        runs: How many runs the percentiles stand on.
        pre_p50: Median of decode-free preprocessing: image array to letterboxed u8.
        post_p50: Median of NMS and mapping back to the original image.
    """

    p50: float
    p90: float
    p99: float
    runs: int
    pre_p50: float
    post_p50: float


@dataclass(frozen=True)
class Interval:
    """A point estimate and its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Range:
    """The interval of real values a tensor's encoding covers."""

    low: float
    high: float


@dataclass(frozen=True)
class Join:
    """Encoded values that become one (Concat); each is named by the value that leads its encoding.

    Attributes:
        output: What they become.
        alone: Those that nothing else reads.
        others: Those that something else reads too.
        whole: Whether all that is joined can have one encoding.
    """

    output: str
    alone: tuple[str, ...]
    others: tuple[str, ...]
    whole: bool


@dataclass(frozen=True, eq=False)
class TensorStatistics:
    """What calibration saw of one tensor.

    Attributes:
        low: Smallest value over all images.
        high: Largest value over all images.
        moving_low: Exponential moving average of each image's smallest value.
        moving_high: Exponential moving average of each image's largest value.
        limit: The histogram covers ``-limit`` to ``limit``.
        counts: ``(bins,)`` sampled values per bin of equal width.
        channel_powers: ``(C,)`` mean square of every channel (axis 1); empty for tensors that
            are no images of features.
        image_lows: ``(images,)`` smallest value in each image.
        image_highs: ``(images,)`` largest value in each image.
    """

    low: float
    high: float
    moving_low: float
    moving_high: float
    limit: float
    counts: Ints
    channel_powers: Floats
    image_lows: Floats = field(default_factory=lambda: np.zeros(0, np.float32))
    image_highs: Floats = field(default_factory=lambda: np.zeros(0, np.float32))

    @property
    def centers(self) -> NDArray[np.float64]:
        """``(bins,)`` middle of every bin of the histogram."""
        width = 2 * self.limit / len(self.counts)
        middles = (np.arange(len(self.counts), dtype=np.float64) + 0.5) * width - self.limit
        return middles.astype(np.float64)


@dataclass(frozen=True, eq=False)
class Statistics:
    """What one pass over the calibration images saw.

    Attributes:
        tensors: By value name of the graph.
        images: How many images were seen.
        graph: ``sha256`` of the graph they belong to.
    """

    tensors: dict[str, TensorStatistics]
    images: int
    graph: str
