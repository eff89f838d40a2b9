"""What a user may ask of the pipeline, as frozen values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from edgekit.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from edgekit.measure.latency import LatencyOptions

_LARGEST_SIDE = 8192  # a float image of it is 0.8 GB, and the first layers take many times that


@dataclass(frozen=True)
class ModelOptions:
    """Answers to what a model file leaves open; what is ``None`` is found out.

    Attributes:
        head: Kind of detection head, as the question about an ambiguous one lists them.
        input_hw: Height and width of the input, in pixels, for a model that takes any.
        family: Whose preprocessing and thresholds to use, e.g. ``yolox``; of weights alone, which
            network they are of, e.g. ``yolo11n``. In lower case, however it was written.
        preprocess: Changes to it, e.g. ``color=bgr,resize=stretch,mean=0,std=1``.
        cache: Where the ONNX export of a checkpoint is kept, and what OpenVINO compiled of an
            artifact; ``None`` puts exports in the user's cache folder and keeps nothing compiled.
        trust_code: Run the code that a model is: an exported program, TorchScript, a function.
    """

    head: str | None = None
    input_hw: tuple[int, int] | None = None
    family: str | None = None
    preprocess: str | None = None
    cache: Path | None = None
    trust_code: bool = False

    def __post_init__(self) -> None:
        """Write the family as all names are, and refuse an input that no memory holds.

        Raises:
            ConfigError: A side is not of 1 to 8192 pixels.
        """
        if self.family is not None:
            object.__setattr__(self, "family", self.family.lower())  # papers write YOLOv8
        for side in self.input_hw or ():
            if not 1 <= side <= _LARGEST_SIDE:
                raise ConfigError(
                    f"--input-size: expected sides of 1 to {_LARGEST_SIDE} pixels, found {side}. "
                    "Choose a smaller one, such as 640."
                )


@dataclass(frozen=True)
class ConvertOptions:
    """One conversion.

    Attributes:
        target: Name of a recipe, or path of one.
        out: Folder to write; replaced as a whole, and only at the end.
        calib: Where calibration images come from; needed for INT8.
        evaluation: Where evaluation images, and labels if any, come from.
        images: Folder of the images of a COCO json, when they are in none of the usual places.
        device: Device profile; the recipe's when ``None``.
        map_drop_points_max: Budget; the recipe's when ``None``.
        allow_overlap: Go on when calibration images are among the evaluation images.
        force: Go on when the FP32 model finds next to nothing, or few images calibrate.
        cache: Where work in progress is kept; ``None`` keeps none, and images that a manifest
            renders go to the user's cache folder.
        latency: How long to measure; ``None``: as long as usual.
        command: What to type to get the same again; for the report.
    """

    target: str
    out: Path
    calib: str | None = None
    evaluation: str | None = None
    images: Path | None = None
    device: str | None = None
    map_drop_points_max: float | None = None
    allow_overlap: bool = False
    force: bool = False
    cache: Path | None = None
    latency: LatencyOptions | None = None
    command: str = ""
    model: ModelOptions = field(default_factory=ModelOptions)

    def __post_init__(self) -> None:
        """Refuse a budget that asks for a gain, or is no number.

        Raises:
            ConfigError: It is below 0.
        """
        allowed = self.map_drop_points_max
        if allowed is not None and not allowed >= 0:
            raise ConfigError(
                f"--max-map-drop: expected points of mAP that may be lost, 0 or more, found "
                f"{allowed:g}. Give 0 for no measured loss at all."
            )
