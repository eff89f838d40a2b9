"""Recipes: what to make for a device, and what it may cost."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from edgekit.config.files import find, names, parse
from edgekit.config.schema import Schema
from edgekit.errors import ConfigError
from edgekit.values import WeightRule

PROVIDERS = {"onnxruntime": ("cpu", "cuda"), "openvino": ("cpu", "gpu", "npu")}
Observer = Literal["minmax", "moving-average", "percentile", "mse", "damage"]


class CalibrationDraw(Schema):
    """How many of the given images calibrate, and which."""

    count: int = Field(default=64, ge=1, description="Images drawn from the calibration source.")
    seed: int = Field(default=0, ge=0, description="Decides which images are drawn.")


class Fp32(Schema):
    """The float model, folded and simplified."""

    kind: Literal["fp32"]


class Fp16(Schema):
    """The network in 16-bit floats; the decode part, and what 16 bits would spoil, in float32."""

    kind: Literal["fp16"]
    calibration: CalibrationDraw = Field(
        default=CalibrationDraw(),
        description="Images, if any are given, that show which values 16 bits cannot hold.",
    )
    keep_float: tuple[str, ...] = Field(
        default=(), description="Node names, or patterns with * and ?, that stay in float32."
    )


class Repair(Schema):
    """What is mended in a network in INT8, without labels and at no cost at run time."""

    bias: bool = Field(
        default=True,
        description="Shift biases by what rounding takes from each layer on average.",
    )


class AccuracyControl(Schema):
    """When INT8 by NNCF is good enough; until then layers go back to float, the worst first."""

    agreement_min: float = Field(
        default=0.97,
        gt=0,
        le=1,
        description="Least agreement with FP32, a fraction, on the images that judge.",
    )
    images: int = Field(
        default=16, ge=1, description="Images of those drawn that judge in place of calibrating."
    )
    max_rounds: int = Field(default=20, ge=1, description="Of taking the next layers back.")


class Nncf(Schema):
    """INT8 by NNCF, OpenVINO's own tool; edgekit tells it what stays in float."""

    preset: Literal["mixed", "performance"] = Field(
        default="mixed", description="'mixed': activations have a zero point; else all symmetric."
    )
    fast_bias_correction: bool = Field(
        default=False, description="Estimate shifts layer by layer; else run the network for each."
    )
    accuracy_control: AccuracyControl | None = Field(
        default=None, description="Left out, all that may be in INT8 is."
    )


class Int8(Schema):
    """Convolutions and what lies between them in 8-bit integers, the decode part in float."""

    kind: Literal["int8"]
    calibration: CalibrationDraw = CalibrationDraw()
    observer: Observer = Field(
        default="damage",
        description="How ranges follow from histograms: all of them, averaged or trimmed extremes, "
        "the least squared error, or the least damage to the predictions.",
    )
    weight_rule: Literal["auto"] | WeightRule = Field(
        default="auto",
        description="Integers that weights use. Where products are summed in 16 bits (x86 without "
        "VNNI) 'auto' takes 'paired' for ONNX Runtime and 'paired-channels' for OpenVINO, else "
        "'full'.",
    )
    noise_limit_db: float = Field(
        default=22,
        description="A layer stays in float where rounding its input to 8 bits leaves a smaller "
        "ratio of signal to noise, in decibels.",
    )
    keep_float: tuple[str, ...] = Field(
        default=(), description="Node names, or patterns with * and ?, that stay float."
    )
    repair: Repair = Repair()
    nncf: Nncf | None = Field(
        default=None,
        description="Quantize by NNCF in place of edgekit's own encodings; on OpenVINO only.",
    )


class Gates(Schema):
    """What a model must meet to be shipped; what is left out is not asked."""

    map_drop_points_max: float | None = Field(
        default=None, ge=0, description="Most mAP it may lose against FP32, in points of 0..100."
    )
    p90_ms_max: float | None = Field(
        default=None, gt=0, description="Slowest allowed 90th percentile of inference, in ms."
    )


class Recipe(Schema):
    """A decision: device, backend, precision and budget."""

    version: Literal[1]
    summary: str = Field(description="One sentence: what it makes, for whom.")
    extends: str | None = Field(
        default=None, description="A recipe whose keys hold where this one has none. One level."
    )
    device: str = Field(description="Name of a file in devices/.")
    backend: Literal["onnxruntime", "openvino"]
    provider: Literal["cpu", "cuda", "gpu", "npu"] = Field(
        default="cpu",
        description="What of the device the runtime runs on: 'cpu' or 'cuda' for ONNX Runtime, "
        "'cpu', 'gpu' or 'npu' for OpenVINO.",
    )
    precision: Annotated[Fp32 | Fp16 | Int8, Field(discriminator="kind")]
    opset: int | None = Field(
        default=None,
        ge=13,
        description="Newest ONNX opset that may be in the model file, for runtimes that read no "
        "newer one: 17 for TensorRT 8.5 and 8.6. Left out, the network keeps its own.",
    )
    beside: tuple[str, ...] = Field(
        default=(),
        description="Other recipes of the same precision whose networks are made and measured as "
        "well, on other runtimes of the device: the best of all is shipped.",
    )
    gates: Gates = Gates()

    @model_validator(mode="after")
    def _runtime_has_provider(self) -> Self:
        known = PROVIDERS[self.backend]
        if self.provider not in known:
            raise ValueError(f"'{self.backend}' runs on {', '.join(known)}, not {self.provider}")
        by_nncf = isinstance(self.precision, Int8) and self.precision.nncf is not None
        if by_nncf and self.backend != "openvino":
            raise ValueError(f"'nncf' writes networks for OpenVINO, not for {self.backend}")
        return self


def find_recipe(name: str) -> Recipe:
    """Return the recipe called ``name``, or of the YAML file ``name`` is a path to.

    Raises:
        UnknownNameError: There is no such recipe.
        ConfigError: The file is not a valid recipe, or extends one that extends another.
    """
    file = find("recipe", name)
    content = file.content
    parent_name = content.get("extends")
    if parent_name is not None:
        parent = find("recipe", str(parent_name))
        if parent.content.get("extends") is not None:
            raise ConfigError(
                f"{file.path}, key 'extends': expected a recipe that extends none, found "
                f"'{parent_name}', which extends '{parent.content['extends']}'. "
                "Extend that one, or copy the keys."
            )
        content = {**parent.content, **content}
    return parse(Recipe, content, file.path)


def list_recipes() -> tuple[str, ...]:
    """Return the names ``--target`` takes, sorted."""
    return names("recipe")
