"""What is needed to turn a network's outputs into boxes, as data that survives JSON.

Every head is read through ``View``: a slice of one output seen as ``(columns, rows)``, one row
per prediction. Layouts (channels first or last, reshaped grids, levels joined or apart) differ
only in their views; kinds differ only in the formula of the box.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

Activation = Literal["none", "sigmoid"]
BoxFormat = Literal["xyxy", "cxcywh", "yxyx"]


class Frozen(BaseModel):
    """Immutable, and unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class View(Frozen):
    """Some columns, and possibly only some rows, of one output.

    Attributes:
        output: Name of the output.
        axis: The axis that holds the columns; the others, in order, count the rows.
        columns: First column and the one after the last.
        rows: First row and the one after the last; all when ``None``.
    """

    output: str
    axis: int
    columns: tuple[int, int]
    rows: tuple[int, int] | None = None


class Part(Frozen):
    """Predictions that are read together: row ``i`` of every view is prediction ``i``.

    Attributes:
        boxes: Four columns, or as many as the kind of head needs.
        scores: One column per class (and one for the background, where there is one).
        objectness: One column that multiplies every class score.
    """

    boxes: View
    scores: View
    objectness: View | None = None


class Level(Part):
    """Predictions of one grid, one per cell, row-major.

    Attributes:
        stride: Pixels of the network's input per cell.
        grid_hw: Rows and columns of the grid.
    """

    stride: int
    grid_hw: tuple[int, int]


class AnchorLevel(Level):
    """A grid whose boxes are scaled from one anchor.

    Attributes:
        anchor_wh: In pixels.
        xy_scale: Of this grid, where grids differ in it as those of YOLOv4 do; else the head's.
    """

    anchor_wh: tuple[float, float]
    xy_scale: float | None = None


class HeadBase(Frozen):
    """What every kind of head has.

    Attributes:
        input_hw: Height and width of the network's input, in pixels.
        classes: How many classes, the background not counted.
        activation: What the scores and objectness still have to go through.
    """

    input_hw: tuple[int, int]
    classes: int = Field(ge=1)
    activation: Activation = "none"


class DecodedHead(HeadBase):
    """Boxes decoded by the network: YOLOv5/v7/v8 as exported, SSD, YOLO-NAS, RT-DETR.

    Attributes:
        normalised: Whether coordinates are fractions of the input instead of pixels.
        background: Column of the scores that means no object.
    """

    kind: Literal["decoded"] = "decoded"
    parts: tuple[Part, ...] = Field(min_length=1)
    box_format: BoxFormat = "xyxy"
    normalised: bool = False
    background: int | None = None


class DistancesHead(HeadBase):
    """Distances from the cell's centre to the four sides: YOLOv8 raw maps, PicoDet, NanoDet.

    Attributes:
        bins: Each distance is the mean of a softmax over 0..bins-1 strides; 1 is the distance.
        center: Where in the cell distances start, in strides.
    """

    kind: Literal["distances"] = "distances"
    parts: tuple[Level, ...] = Field(min_length=1)
    bins: int = Field(ge=1)
    center: float = 0.5


class AnchorsHead(HeadBase):
    """Offsets and sizes relative to anchors: YOLOv3, v4, v5, v7 before their decode.

    Attributes:
        size: Width is ``anchor * exp(raw)`` or ``anchor * (2 * sigmoid(raw)) ** 2``.
        xy_scale: Centre is ``(sigmoid(raw) * s - (s - 1) / 2 + cell) * stride``.
        boxes_activated: Whether the sigmoid of the box columns is already in the network.
    """

    kind: Literal["anchors"] = "anchors"
    parts: tuple[AnchorLevel, ...] = Field(min_length=1)
    size: Literal["exp", "squared-sigmoid"]
    xy_scale: float
    boxes_activated: bool = False


class GridHead(HeadBase):
    """Offsets in cells and sizes as ``exp(raw)`` strides: YOLOX before its decode."""

    kind: Literal["grid"] = "grid"
    parts: tuple[Level, ...] = Field(min_length=1)


class DetectionsHead(HeadBase):
    """Final detections, suppressed or NMS-free: 1 x 300 x 6, NMS inside the network.

    Rows that hold no detection have scores of zero or less.

    Attributes:
        boxes: Four columns; each row is one detection.
        scores: One column.
        labels: One column, the index of the class.
    """

    kind: Literal["detections"] = "detections"
    boxes: View
    scores: View
    labels: View
    box_format: BoxFormat = "xyxy"
    normalised: bool = False


DenseHead = DecodedHead | DistancesHead | AnchorsHead | GridHead
HeadSpec = Annotated[DenseHead | DetectionsHead, Field(discriminator="kind")]
_ADAPTER: TypeAdapter[DenseHead | DetectionsHead] = TypeAdapter(HeadSpec)


class NmsOptions(Frozen):
    """How overlapping candidates become detections.

    Attributes:
        iou: Overlap above which the weaker box of a class goes; 1 keeps all.
        min_score: Candidates must score more than this.
        max_detections: At most so many per image, strongest first.
        multi_label: Whether one prediction may give several classes, or only its best.
        class_aware: Whether only boxes of the same class suppress each other.
    """

    iou: float = Field(default=0.7, ge=0, le=1)
    min_score: float = Field(default=0.001, ge=0, le=1)
    max_detections: int = Field(default=300, ge=1)
    multi_label: bool = True
    class_aware: bool = True


def outputs_of(head: DenseHead) -> set[str]:
    """Return the names of the outputs that ``head`` reads."""
    views = (v for p in head.parts for v in (p.boxes, p.scores, p.objectness))
    return {v.output for v in views if v is not None}


def spec_from_json(text: str | bytes) -> DenseHead | DetectionsHead:
    """Return the head that ``model_dump_json`` wrote.

    Raises:
        pydantic.ValidationError: ``text`` is not such a document.
    """
    return _ADAPTER.validate_json(text)
